import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatTrusted } from '../../../journeys/client/index.ts'
import { describeEnd, findCauseLine, startChild } from '../../../runtime/processes/index.ts'
import type { LoadEnvironment, LoadPlan } from '../../engine.ts'
import { readMessage, readResult } from './messages.ts'
import { releaseSignal } from './release.ts'
import type { ProcessMessage, ProcessPlan, ProcessResult } from './messages.ts'

/** How a load process ended. `interrupted`: it was stopped before it measured anything. */
export type ProcessEnd =
  | { state: 'ok'; result: ProcessResult }
  | { state: 'usage-error'; problem: string }
  | { state: 'interrupted' }
  | { state: 'failed'; reason: string }

/** How the process is started. Tests give it a machine with fewer resources. */
export interface LaunchOptions {
  env: NodeJS.ProcessEnv
  /** A command that runs the one after it, such as `prlimit --nofile=64`. */
  wrapper: readonly string[]
}

// Time to destroy the connections and write one file.
const stopGraceMs = 2500
// The process prints progress each second. A longer silence means that a journey's function does not return,
// or that the process is stopped.
const silenceMs = 30_000
const inherited = ['PATH', 'TZ', 'LANG', 'LC_ALL', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']

/** A load, with the values of its secrets. */
export type LoadProcessPlan = Omit<ProcessPlan, 'nonce' | 'resultFile' | 'secrets'> & {
  secrets: LoadPlan['secrets']
}

/** What is done with a process that shares a load with others. */
export interface Release {
  /** It waits, ready. */
  onReady: () => void
  /** Settles when it may begin. */
  released: Promise<unknown>
}

/**
 * Runs one load in a process of its own. Never rejects for what the process did; leaves no process and no
 * file behind.
 */
export async function runLoadProcess(
  { secrets, ...plan }: LoadProcessPlan,
  { folder, signal, progress, measuring }: LoadEnvironment,
  launch: LaunchOptions,
  release?: Release,
): Promise<ProcessEnd> {
  const nonce = randomBytes(12).toString('hex')
  const files = nameFiles(folder)
  const names = Object.keys(secrets ?? {})
  const text: ProcessPlan = { ...plan, secrets: names, nonce, resultFile: files.result }
  writeFileSync(files.plan, JSON.stringify(text), { mode: 0o600 })
  const watch = watchMessages({ progress, measuring }, release)
  const [command, ...args] = [
    ...launch.wrapper,
    process.execPath,
    fileURLToPath(new URL('process.ts', import.meta.url)),
    files.plan,
  ]
  const child = startChild(command, args, {
    cwd: folder,
    env: { ...toEnvironment(launch.env, plan.targetUrl, files.trusted), ...secrets },
    onLine: (line, stream) => {
      const message = stream === 'stdout' ? readMessage(nonce, line) : undefined
      if (message) watch.receive(message)
      // Its work is done; a timer that a journeys module left running must not keep it alive.
      if (watch.done) stop()
    },
  })
  void release?.released.then(() => child.signal(releaseSignal))
  let stopping = false
  const stop = (): void => {
    if (!stopping) void child.stop(stopGraceMs)
    stopping = true
  }
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  let silent = false
  const silenceTimer = setInterval(() => {
    if (watch.silentMs() < silenceMs) return
    silent = true
    child.signal('SIGKILL')
  }, 1000)
  try {
    const end = await child.ended
    watch.finish()
    if (watch.problem !== undefined) return { state: 'usage-error', problem: watch.problem }
    const result = watch.done ? readResult(nonce, readText(files.result)) : undefined
    if (result !== undefined) return { state: 'ok', result }
    if (signal.aborted) return { state: 'interrupted' }
    const reason = silent
      ? `reported nothing for ${silenceMs / 1000} s: check whether a function of a journey never returns`
      : `${describeEnd(end)} before it had measured${describeCause(child.tail('stderr'))}`
    return { state: 'failed', reason: `the load process ${reason}` }
  } finally {
    clearInterval(silenceTimer)
    signal.removeEventListener('abort', stop)
    for (const file of Object.values(files)) rmSync(file, { force: true })
  }
}

function nameFiles(folder: string): Record<'plan' | 'trusted' | 'result' | 'part', string> {
  const result = join(folder, 'result.json')
  return {
    plan: join(folder, 'plan.json'),
    trusted: join(folder, 'trusted.pem'),
    result,
    part: `${result}.part`,
  }
}

/** What the process inherits. For an https target it trusts what this process trusts, by `trustFile`. */
function toEnvironment(env: NodeJS.ProcessEnv, targetUrl: string, trustFile: string): NodeJS.ProcessEnv {
  const own = Object.fromEntries(inherited.map((name) => [name, env[name]]))
  if (!/^https:/i.test(targetUrl)) return own
  writeFileSync(trustFile, formatTrusted())
  return { ...own, NODE_EXTRA_CA_CERTS: trustFile }
}

interface ProcessWatch {
  receive: (message: ProcessMessage) => void
  silentMs: () => number
  /** The process has ended: reports the end of the measurement if the process could not. */
  finish: () => void
  /** Why the plan is invalid. */
  problem: string | undefined
  done: boolean
}

function watchMessages(
  { progress, measuring }: Pick<LoadEnvironment, 'progress' | 'measuring'>,
  release: Release | undefined,
): ProcessWatch {
  let lastMessageAt = performance.now()
  let open = false
  const edge = (which: 'begin' | 'end'): void => {
    open = which === 'begin'
    measuring(which)
  }
  const watch: ProcessWatch = {
    receive: (message) => {
      lastMessageAt = performance.now()
      if (message.say === 'progress')
        progress({
          phase: message.phase,
          secondsLeft: message.secondsLeft,
          requestsPerSecond: message.requestsPerSecond,
          p95Ms: message.p95Ms,
          errors: message.errors,
        })
      else if (message.say === 'usage-error') watch.problem = message.problem
      else if (message.say === 'done') watch.done = true
      else if (message.say === 'ready') release?.onReady()
      else edge(message.say)
    },
    silentMs: () => performance.now() - lastMessageAt,
    finish: () => {
      if (open) edge('end')
    },
    problem: undefined,
    done: false,
  }
  return watch
}

function describeCause(stderr: string): string {
  const line = findCauseLine(stderr)
  return line === '' ? '' : `: ${line}`
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
