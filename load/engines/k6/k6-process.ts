import { freemem } from 'node:os'
import { join } from 'node:path'
import { toOneLine } from '../../../record/index.ts'
import { startChild } from '../../../runtime/processes/index.ts'
import type { Child } from '../../../runtime/processes/index.ts'

const versionLimitMs = 20_000
const oldestMajor = 1
const collectLaterShare = 0.25
const mostWords = 600

/**
 * The whole environment of k6. Nothing of ours is handed on: not our secrets, nor `K6_…` variables or proxies that would
 * change the load behind the plan's back. A trust store named by the user is kept, since certificates are always checked.
 * k6 collects its garbage less often than it would, while there is memory for that: a tenth of its CPU goes there.
 */
function environmentOf(folder: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { PATH, SSL_CERT_FILE, SSL_CERT_DIR } = env
  return {
    PATH,
    SSL_CERT_FILE,
    SSL_CERT_DIR,
    HOME: folder,
    K6_NO_USAGE_REPORT: 'true',
    GOGC: '300',
    GOMEMLIMIT: String(Math.floor(freemem() * collectLaterShare)),
  }
}

export interface K6Options {
  folder: string
  env: NodeJS.ProcessEnv
  /** What the script finds in `__ENV` besides. */
  variables?: Record<string, string>
  onLine: (line: string, stream: 'stdout' | 'stderr') => void
}

/**
 * Starts k6 in `folder`, which holds the config file it reads instead of its user's.
 *
 * Log lines come raw on stderr: as they were said, one line each, in 1.x and 2.x alike.
 */
export function startK6(
  path: string,
  args: readonly string[],
  { folder, env, variables = {}, onLine }: K6Options,
): Child {
  const common = [
    'run',
    '--config',
    join(folder, configFile),
    '--log-format',
    'raw',
    '--log-output',
    'stderr',
    '--no-color',
    '--quiet',
    '--no-usage-report',
  ]
  return startChild(path, [...common, ...args], {
    cwd: folder,
    env: { ...environmentOf(folder, env), ...variables },
    onLine,
  })
}

/** Lies in the run's folder so that k6 does not read its user's. */
export const configFile = 'k6-config.json'

/** Why a program cannot be used as k6, or undefined when it can: it must be k6, of 1.0 or later. */
export async function versionProblem(
  path: string,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  let said = ''
  const child = startChild(path, ['version'], {
    cwd: folder,
    env: environmentOf(folder, env),
    onLine: (line) => (said = `${said}${line}\n`.slice(0, 1000)),
  })
  const timer = setTimeout(() => child.signal('SIGKILL'), versionLimitMs)
  const end = await child.ended
  clearTimeout(timer)
  if (end.state === 'failed') return `k6 could not be started: ${path}: ${end.reason}`
  // It calls itself by the name of its file.
  const version = /^\S+ v?(\d+)\.\d+\.\d+\S*/m.exec(said)
  if (version === null)
    return `${path} does not say its version, so it is not used as k6: ${toOneLine(said) || 'it said nothing'}`
  if (Number(version[1]) < oldestMajor) return `found ${toOneLine(version[0])}, expected k6 1.0 or later`
  return undefined
}

/** The end of what k6 wrote, for a message: without the lines that our script wrote for us, on one line, cleaned. */
export function lastWords(child: Child, nonce?: string): string {
  const lines = child.tail('stderr').split('\n')
  const words = lines.filter((line) => nonce === undefined || !line.includes(nonce)).join(' ')
  return (
    toOneLine(words.slice(-mostWords), mostWords) ||
    toOneLine(child.tail('stdout').slice(-mostWords), mostWords)
  )
}
