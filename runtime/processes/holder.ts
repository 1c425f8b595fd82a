import { randomUUID } from 'node:crypto'
import { chmod, link, open, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { identifyProcess, isAlive, isRunning, readStartMs, seesProcess } from './proc.ts'

/** The process that a lock or owner file names. */
export interface Holder {
  pid: number
  isAlive: boolean
}

/** How often a living holder touches its file. */
const touchMs = 2000
/** A holder that cannot be seen from here counts as ended when its file was not touched for this long. */
const untouchedMs = 10_000
/** The times of a process and of a file come from clocks this far apart, at most. */
const clockToleranceMs = 10_000

/**
 * A process as it is noted in a lock or owner file: `1234 <start>`, or only the pid where the start is
 * unknown.
 */
export function formatHolder(pid: number): string {
  const started = identifyProcess(pid)?.started
  return started === undefined ? String(pid) : `${pid} ${started}`
}

/**
 * Reads {@link formatHolder}'s text. A process of another container or machine cannot be seen, and its pid
 * says nothing here: it lives while it touches its file. Earlier versions wrote only the pid. Any other text
 * counts as a dead holder.
 *
 * @param ageMs how long ago the file was touched
 */
export function parseHolder(text: string, ageMs = 0, nowMs = Date.now()): Holder {
  const [, digits = '', started = ''] = /^(\d+)(?: (.+))?$/s.exec(text.trim()) ?? []
  const pid = Number(digits)
  if (started === '') return { pid, isAlive: isAlive(pid) && !isYounger(pid, nowMs - ageMs) }
  const isSeen = seesProcess({ pid, started })
  return { pid, isAlive: isSeen === undefined ? ageMs < untouchedMs : isSeen && isRunning({ pid, started }) }
}

/** Whether the process that has the pid now started after the file was written: the pid was used again. */
function isYounger(pid: number, writtenMs: number): boolean {
  const startMs = readStartMs(pid)
  return startMs !== undefined && startMs > writtenMs + clockToleranceMs
}

/** The holder that a file names, or why it is not known; `code` is that of the file system. */
export type HolderFile =
  | { state: 'ok'; text: string; holder: Holder }
  | { state: 'missing' }
  | { state: 'failed'; code: string }

export async function readHolder(file: string, nowMs = Date.now()): Promise<HolderFile> {
  try {
    const handle = await open(file, 'r')
    try {
      const [{ mtimeMs }, text] = [await handle.stat(), await handle.readFile('utf8')]
      return { state: 'ok', text, holder: parseHolder(text, Math.max(0, nowMs - mtimeMs), nowMs) }
    } finally {
      await handle.close()
    }
  } catch (error) {
    const code = errorCode(error)
    return code === 'ENOENT' ? { state: 'missing' } : { state: 'failed', code }
  }
}

/** A file that names its holder, and says that it lives. */
export interface HeldFile {
  release: () => Promise<void>
}

export type ClaimResult =
  | { state: 'ok'; held: HeldFile }
  | { state: 'exists' }
  | { state: 'failed'; code: string }

/**
 * Creates a holder file that everyone can read, unless there is one. It is linked into place: it appears with
 * its holder in it, or not at all. On a file system without links, a reader may see it empty for a moment.
 */
export async function claimHolder(file: string, pid: number): Promise<ClaimResult> {
  const text = formatHolder(pid)
  const scratch = `${file}.${randomUUID()}`
  try {
    await writeReadable(scratch, text, 'wx')
    await link(scratch, file).catch(async (error: unknown) => {
      if (!withoutLinks.has(errorCode(error))) throw error
      await writeReadable(file, text, 'wx')
    })
    return { state: 'ok', held: holdFile(file, text) }
  } catch (error) {
    const code = errorCode(error)
    return code === 'EEXIST' ? { state: 'exists' } : { state: 'failed', code }
  } finally {
    await rm(scratch, { force: true }).catch(() => undefined)
  }
}

const withoutLinks: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** Names the holder of a folder that it has just created. */
export async function writeHolder(file: string, pid: number): Promise<HeldFile> {
  const text = formatHolder(pid)
  await writeReadable(file, text, 'w')
  return holdFile(file, text)
}

async function writeReadable(file: string, text: string, flag: 'w' | 'wx'): Promise<void> {
  await writeFile(file, text, { flag, mode: 0o644 })
  // Whatever the umask is: a lock that others cannot read is one that they cannot wait for.
  await chmod(file, 0o644)
}

function holdFile(file: string, text: string): HeldFile {
  const touch = (): void => {
    const now = new Date()
    utimes(file, now, now).catch(() => undefined)
  }
  const timer = setInterval(touch, touchMs).unref()
  return {
    release: async () => {
      clearInterval(timer)
      // Another may have taken it over while this process was suspended.
      if ((await readFile(file, 'utf8').catch(() => text)) === text)
        await rm(file, { force: true }).catch(() => undefined)
    },
  }
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : String(error)
}
