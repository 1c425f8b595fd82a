import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChild } from '../../../runtime/processes/index.ts'
import type { ChildEnd } from '../../../runtime/processes/index.ts'
import type { LoadEnvironment } from '../../engine.ts'
import { toOneLine } from '../../../record/index.ts'
import { readMessage, readResult } from './messages.ts'
import type { ProcessMessage, ProcessPlan, ProcessResult } from './wire.ts'

/** What became of a load process. `stopped`: it was told to end before it measured anything. */
export type ProcessEnd =
  | { state: 'measured'; result: ProcessResult }
  | { state: 'usage-error'; problem: string }
  | { state: 'stopped' }
  | { state: 'failed'; reason: string }

/** How the process is started; for tests, a machine with less in it. */
export interface LaunchOptions {
  env: NodeJS.ProcessEnv
  /** A command that runs the one behind it, such as `prlimit --nofile=64`. */
  wrapper: readonly string[]
}

// It has to destroy its connections and write one file.
const stopGraceMs = 2500
// It says something each second: longer silence is a function of a journey that does not return, or a stopped process.
const silenceMs = 30_000
const inherited = ['PATH', 'TZ', 'LANG', 'LC_ALL', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']

/** Runs one load in a process of its own, to its end. Never rejects for what the process did; leaves none behind, and no file. */
export async function runLoadProcess(
  plan: Omit<ProcessPlan, 'nonce' | 'resultFile'>,
  { folder, signal, progress, measuring }: LoadEnvironment,
  launch: LaunchOptions,
): Promise<ProcessEnd> {
  const nonce = randomBytes(12).toString('hex')
  const files = { plan: join(folder, 'plan.json'), result: join(folder, 'result.json') }
  writeFileSync(
    files.plan,
    JSON.stringify({ ...plan, nonce, resultFile: files.result } satisfies ProcessPlan),
    { mode: 0o600 },
  )
  const watched = watchMessages({ progress, measuring })
  const [command, ...args] = [
    ...launch.wrapper,
    process.execPath,
    fileURLToPath(new URL('process.ts', import.meta.url)),
    files.plan,
  ]
  const child = startChild(command, args, {
    cwd: folder,
    env: Object.fromEntries(inherited.map((name) => [name, launch.env[name]])),
    onLine: (line, stream) => {
      const message = stream === 'stdout' ? readMessage(nonce, line) : undefined
      if (message) watched.receive(message)
      // Its work is done; a timer that a journeys module left running must not keep it.
      if (watched.done) stop()
    },
  })
  let stopping = false
  const stop = (): void => {
    if (!stopping) void child.stop(stopGraceMs)
    stopping = true
  }
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  let silent = false
  const listening = setInterval(() => {
    if (watched.silentMs() < silenceMs) return
    silent = true
    child.signal('SIGKILL')
  }, 1000)
  try {
    const end = await child.ended
    watched.finish()
    if (watched.misused !== undefined) return { state: 'usage-error', problem: watched.misused }
    const result = watched.done ? readResult(nonce, readText(files.result)) : undefined
    if (result !== undefined) return { state: 'measured', result }
    if (signal.aborted) return { state: 'stopped' }
    if (silent)
      return {
        state: 'failed',
        reason: `the load process said nothing for ${silenceMs / 1000} s: does a function of a journey not return?`,
      }
    return {
      state: 'failed',
      reason: `the load process ${describeEnd(end)} before it had measured${lastErrorLine(child.tail('stderr'))}`,
    }
  } finally {
    clearInterval(listening)
    signal.removeEventListener('abort', stop)
    for (const file of [files.plan, files.result, `${files.result}.part`]) rmSync(file, { force: true })
  }
}

interface ProcessWatch {
  receive: (message: ProcessMessage) => void
  silentMs: () => number
  /** The process has ended: an edge that it could not tell any more is told now. */
  finish: () => void
  misused: string | undefined
  done: boolean
}

function watchMessages({
  progress,
  measuring,
}: Pick<LoadEnvironment, 'progress' | 'measuring'>): ProcessWatch {
  let heardAt = performance.now()
  let open = false
  const edge = (which: 'begin' | 'end'): void => {
    open = which === 'begin'
    measuring(which)
  }
  const watched: ProcessWatch = {
    receive: (message) => {
      heardAt = performance.now()
      if (message.say === 'progress')
        progress({
          phase: message.phase,
          secondsLeft: message.secondsLeft,
          requestsPerSecond: message.requestsPerSecond,
          p95Ms: message.p95Ms,
          errors: message.errors,
        })
      else if (message.say === 'usage-error') watched.misused = message.problem
      else if (message.say === 'done') watched.done = true
      else edge(message.say)
    },
    silentMs: () => performance.now() - heardAt,
    finish: () => {
      if (open) edge('end')
    },
    misused: undefined,
    done: false,
  }
  return watched
}

function describeEnd(end: ChildEnd): string {
  if (end.state === 'failed') return `did not start (${end.reason})`
  return end.state === 'signalled' ? `was ended by ${end.signal}` : `ended with ${end.code}`
}

/** The line that says most: Node ends a crash with its version, and begins it with the place. */
function lastErrorLine(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => toOneLine(line))
    .filter((line) => line !== '' && !line.startsWith('at ') && !line.startsWith('Node.js v'))
  const said = lines.findLast((line) => /\bError\b|error:/i.test(line)) ?? lines.at(-1)
  return said === undefined ? '' : `: ${said}`
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
