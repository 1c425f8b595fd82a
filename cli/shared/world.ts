import { dirname, resolve } from 'node:path'
import type { LoadedConfig } from '../../config/index.ts'
import { trustCertificates } from '../../journeys/client/index.ts'
import type { Random, WallClock } from '../../record/index.ts'
import type { Redaction } from './redaction.ts'
import { readText, TextError } from '../../record/store/index.ts'

/** All that a command may use of its process. `main.ts` creates it, tests create their own. */
export interface World {
  /** What was typed after `vigil`. */
  args?: readonly string[]
  cwd: string
  env: NodeJS.ProcessEnv
  pid: number
  /** Results. */
  stdout: (text: string) => void
  /** Progress and messages. */
  stderr: (text: string) => void
  terminal: {
    stdoutIsTerminal: boolean
    stderrIsTerminal: boolean
    /** Columns to write for. */
    width: number
    color: boolean
  }
  /** Set by the program; without one, a session creates its own. */
  redaction?: Redaction
  /** Asks the user on the terminal; missing when no terminal is there to answer. */
  ask?: (question: string) => Promise<string>
  now: WallClock
  random: Random
  /** How long to wait for a target that another process loads. Not set: 15 minutes. */
  lockPatienceMs?: number
  /** Aborted by SIGINT, SIGTERM or SIGHUP, whose name is the reason. */
  interrupted: AbortSignal
}

/** An error of the user's: printed as one line, exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** Exactly one JSON document on stdout. */
export function printJson({ stdout }: Pick<World, 'stdout'>, value: unknown): void {
  stdout(`${JSON.stringify(value, null, 2)}\n`)
}

const diskErrors: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'no permission',
  EPERM: 'no permission',
  ENOTDIR: 'a part of the path is a file',
}

/** An error of the disk as one line, with the file; undefined for other errors. */
export function diskProblem(error: unknown, path?: string): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  const why = diskErrors[error.code]
  if (why === undefined) return undefined
  const about = path ?? ('path' in error && typeof error.path === 'string' ? error.path : 'a file')
  return `${about}: could not be written: ${why}; earlier files are untouched`
}

/** Makes this process and every engine trust the same certificates, if a target has one. */
export function trustTargets({ config, file }: LoadedConfig, urls: readonly string[]): void {
  const { ca } = config.target
  const isNeeded = [...urls, config.pushgateway?.url].some((url) => /^https:/i.test(url ?? ''))
  if (ca === undefined && !isNeeded) return
  const problem = trustCertificates(ca === undefined ? undefined : resolve(dirname(file), ca))
  if (problem !== undefined) throw new UsageError(`${file}: target.ca: ${problem}`)
}

/**
 * The text of a file; undefined when there is no such file. Any other refusal of the disk is thrown. Bytes
 * that are not text are a usage error.
 */
export async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readText(file)
  } catch (error) {
    if (error instanceof TextError) throw new UsageError(error.message)
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** vigil's own version, from its package. */
export { vigilVersion as version } from '../../journeys/client/index.ts'
