import { freemem } from 'node:os'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Address } from '../../../journeys/index.ts'
import { findUntrustedByGo, userAgentFor } from '../../../journeys/client/index.ts'
import { toOneLine } from '../../../record/index.ts'
import { neutralFolder, startChild, toToolEnvironment } from '../../../runtime/processes/index.ts'
import type { Child, ChildEnd } from '../../../runtime/processes/index.ts'
import { classifyEnd } from './ending.ts'
import type { Ending } from './ending.ts'
import {
  collectionLimit,
  describeMemoryEnd,
  limitMemory,
  reportsMemoryEnd,
  withMemoryLimit,
} from './memory.ts'

/** Lies in the run's folder so that k6 does not read its user's. */
export const configFile = 'k6-config.json'

/** Lies in the run's folder while k6 runs: the certificates that it trusts. */
export const trustFile = 'trusted.pem'

/** What is set for our script and for a user's, which may set it otherwise. */
export interface K6Settings {
  userAgent: string
  /** By host and port of a URL, the IP address and port to connect to. */
  hosts?: Record<string, string>
}

/** k6's settings for requests to a target, whose address has been chosen. */
export function toSettings(targets: readonly { address: Address; ip: string | undefined }[]): K6Settings {
  const hosts = Object.fromEntries(
    targets.flatMap(({ address: { hostname, port }, ip }) =>
      // k6 refuses other names here, and looks them up by itself.
      ip !== undefined && isIP(hostname) === 0 && /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i.test(hostname)
        ? [[`${hostname}:${port}`, isIP(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`]]
        : [],
    ),
  )
  return { userAgent: userAgentFor('k6'), ...(Object.keys(hosts).length > 0 && { hosts }) }
}

const versionTimeoutMs = 20_000
const oldestMajor = 1
const maxOutputLength = 600

/**
 * The whole environment of k6: the one in which it was found. Neither secrets are passed on, nor `K6_…`
 * variables or proxies that would change the load without the plan; `--config` names a file of ours. A trust
 * store named by the user is kept, since certificates are always checked. k6 collects its garbage less often
 * than by default while there is memory for that: a tenth of its CPU goes there.
 */
function k6Environment(env: NodeJS.ProcessEnv, memoryBytes: number): NodeJS.ProcessEnv {
  return {
    ...toToolEnvironment(env),
    K6_NO_USAGE_REPORT: 'true',
    GOGC: '300',
    GOMEMLIMIT: collectionLimit(memoryBytes),
  }
}

export interface K6Options {
  /** Holds the config file that k6 reads instead of its user's. */
  folder: string
  /** Where k6 writes files of a script; missing: `folder`. */
  cwd?: string
  env: NodeJS.ProcessEnv
  /** Path of a PEM file with the certificates that k6 trusts; missing: those of the system. */
  trusted?: string | undefined
  /** Added to the script's `__ENV`. */
  variables?: Readonly<Record<string, string>>
  onLine: (line: string, stream: 'stdout' | 'stderr') => void
  /** Decides how much memory it may use. */
  kind: 'journeys' | 'script'
  /** How many k6 share this machine's memory; missing: one. */
  processes?: number | undefined
}

/** A running k6. */
export interface RunningK6 {
  child: Child
  /**
   * What its end means for the run, and the end of its log.
   *
   * @param nonce of our script: lines with it are left out of the log
   */
  explain: (end: ChildEnd, nonce?: string) => { ending: Ending; lastOutput: string }
}

/**
 * Starts `k6 run`, with a limit on its memory. Log lines come raw on stderr: as they were written, one line
 * each, in 1.x and 2.x alike.
 */
export function startK6(
  path: string,
  args: readonly string[],
  { folder, cwd = folder, env, trusted, variables = {}, onLine, kind, processes }: K6Options,
): RunningK6 {
  const config = ['--config', join(folder, configFile)]
  const log = ['--log-format', 'raw', '--log-output', 'stderr', '--no-color']
  const memoryBytes = limitMemory(kind, freemem(), processes)
  const k6 = [path, 'run', ...config, ...log, '--quiet', '--no-usage-report', ...args]
  const [program, ...limited] = withMemoryLimit(memoryBytes, k6)
  let isOutOfMemory = false
  const child = startChild(program, limited, {
    cwd,
    env: {
      ...k6Environment(env, memoryBytes),
      ...(trusted !== undefined && { SSL_CERT_FILE: trusted }),
      ...variables,
    },
    onLine: (line, stream) => {
      isOutOfMemory ||= stream === 'stderr' && reportsMemoryEnd(line)
      onLine(line, stream)
    },
  })
  return {
    child,
    explain: (end, nonce) =>
      isOutOfMemory && end.state === 'exited' && end.code === goCrashCode
        ? { ending: toMemoryEnding(memoryBytes), lastOutput: '' }
        : { ending: classifyEnd(end), lastOutput: readLastOutput(child, nonce) },
  }
}

/** Why k6 cannot check the certificates of its targets as the other engines do, or undefined when it can. */
export function findTrustProblem(
  urls: readonly string[],
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  const untrusted = urls.some((url) => /^https:/i.test(url)) ? findUntrustedByGo(platform, env) : undefined
  return untrusted === undefined
    ? undefined
    : `k6 trusts only the system's certificates on ${platform}: add those of ${untrusted} to the system's`
}

const callTimeoutMs = 30_000
const maxOptionsLength = 1_000_000

type CallResult = { state: 'ok'; output: string } | { state: 'failed'; reason: string }

/** The options that k6 derives from a script, as it prints them, or what it says against the script. */
export async function inspectWithK6(
  path: string,
  script: string,
  options: Required<Pick<K6Options, 'folder' | 'env' | 'variables'>>,
): Promise<CallResult> {
  return callK6(
    path,
    'inspect',
    ['--include-system-env-vars', '--execution-requirements', script],
    options,
    'script',
  )
}

/** Writes a script with all that it reads, and its options, into an archive that `k6 run` takes. */
export async function archiveWithK6(
  path: string,
  script: string,
  archive: string,
  options: Pick<K6Options, 'folder' | 'env'>,
): Promise<CallResult> {
  const own = { ...options, variables: {} }
  // Variables of this environment may be secrets: the archive must hold none.
  return callK6(path, 'archive', ['--exclude-env-vars', '--archive-out', archive, script], own, 'journeys')
}

async function callK6(
  path: string,
  command: string,
  args: readonly string[],
  { folder, env, variables }: Required<Pick<K6Options, 'folder' | 'env' | 'variables'>>,
  kind: K6Options['kind'],
): Promise<CallResult> {
  let output = ''
  let log = ''
  const config = ['--config', join(folder, configFile)]
  const logging = ['--log-format', 'raw', '--log-output', 'stderr']
  const child = startChild(path, [command, ...config, ...logging, ...args], {
    cwd: neutralFolder,
    env: { ...k6Environment(env, limitMemory(kind, freemem())), ...variables },
    onLine: (line, stream) => {
      if (stream === 'stdout') output = `${output}${line}\n`.slice(0, maxOptionsLength)
      else log = `${log} ${line}`.slice(0, maxOutputLength)
    },
  })
  const timer = setTimeout(() => child.signal('SIGKILL'), callTimeoutMs)
  const end = await child.ended
  clearTimeout(timer)
  if (end.state === 'failed') return { state: 'failed', reason: end.reason }
  if (end.state === 'exited' && end.code === 0) return { state: 'ok', output }
  const how = end.state === 'exited' ? `code ${end.code}` : end.signal
  return { state: 'failed', reason: log.trim() === '' ? `k6 ${command} ended with ${how}` : log.trim() }
}

/** Why a program cannot be used as k6, or undefined when it can: it must be k6, 1.0 or later. */
export async function findVersionProblem(path: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  let output = ''
  const child = startChild(path, ['version'], {
    cwd: neutralFolder,
    env: k6Environment(env, limitMemory('journeys', freemem())),
    onLine: (line) => (output = `${output}${line}\n`.slice(0, 1000)),
  })
  const timer = setTimeout(() => child.signal('SIGKILL'), versionTimeoutMs)
  const end = await child.ended
  clearTimeout(timer)
  if (end.state === 'failed') return `k6 could not be started: ${path}: ${end.reason}`
  // k6 prints the name of its own file, which need not be `k6`.
  const version = /^\S+ v?(\d+)\.\d+\.\d+\S*/m.exec(output)
  if (version === null)
    return `${path} version: found ${toOneLine(output) || 'no output'}, expected the version of k6`
  if (Number(version[1]) < oldestMajor) return `found ${toOneLine(version[0])}, expected k6 1.0 or later`
  return undefined
}

/** The end of k6's log for a message: on one line, cleaned, without the lines of our script. */
function readLastOutput(child: Child, nonce?: string): string {
  const lines = child.tail('stderr').split('\n')
  const log = lines.filter((line) => nonce === undefined || !line.includes(nonce)).join(' ')
  return (
    toOneLine(log.slice(-maxOutputLength), maxOutputLength) ||
    toOneLine(child.tail('stdout').slice(-maxOutputLength), maxOutputLength)
  )
}

/** Our own observer of a run, as far as waiting for k6 needs it. */
export interface RunObserver {
  hasStarted: () => boolean
  /** Nothing more is measured: the run was interrupted, or k6 has ended. */
  stop: () => void
}

export interface K6End {
  end: ChildEnd
  interrupted: boolean
  /** Why vigil killed it, because it exceeded its time. */
  overdue: string | undefined
}

/** SIGINT lets k6 stop its users and write a summary, which takes it a moment for thousands of quantiles. */
const gracefulStopMs = 3000
const startTimeoutMs = 60_000
const startTimeoutPerUserMs = 50
const endTimeoutMs = 60_000

/**
 * Waits until k6 has ended, and ends it: on the signal with SIGINT and then SIGKILL, and in any case some
 * time after its planned end.
 *
 * @param expected users it creates before it begins, and how long it runs then; undefined when a user's
 * script decides
 */
export async function waitForK6End(
  child: Child,
  observer: RunObserver,
  expected: { users: number; runMs: number } | undefined,
  signal: AbortSignal,
): Promise<K6End> {
  let interrupted = false
  let overdue: string | undefined
  const timers: NodeJS.Timeout[] = []
  const after = (ms: number, then: () => void): void => void timers.push(setTimeout(then, ms))
  const kill = (reason: string): void => {
    overdue ??= reason
    child.signal('SIGKILL')
  }
  const interrupt = (): void => {
    interrupted = true
    observer.stop()
    child.signal('SIGINT')
    after(gracefulStopMs, () => child.signal('SIGKILL'))
  }
  if (signal.aborted) interrupt()
  signal.addEventListener('abort', interrupt, { once: true })
  if (expected !== undefined) {
    const startMs = startTimeoutMs + expected.users * startTimeoutPerUserMs
    after(
      startMs,
      () => observer.hasStarted() || kill(`k6 had not begun after ${Math.round(startMs / 1000)} s`),
    )
    after(startMs + expected.runMs + endTimeoutMs, () => kill('k6 did not end within its time limit'))
  }
  const end = await child.ended
  signal.removeEventListener('abort', interrupt)
  for (const timer of timers) clearTimeout(timer)
  observer.stop()
  return { end, interrupted, overdue }
}

/** Stops the child when `work` fails: an error of vigil's own must not leave k6 loading the target. */
export async function stopOnError<T>(child: Child, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await child.stop(gracefulStopMs)
    throw error
  }
}

/** The code with which Go ends a process that it cannot continue. */
const goCrashCode = 2

// What k6 wrote last is the state of Go's runtime, of no use to the reader.
function toMemoryEnding(memoryBytes: number): Ending {
  return { state: 'failed', reason: describeMemoryEnd(memoryBytes), portTaken: false }
}
