import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from '../processes/index.ts'
import type { Child, ChildEnd } from '../processes/index.ts'
import { waitReady } from '../target/index.ts'
import { freePort, isFree } from './ports.ts'

/** A program of the stack at work on the loopback address. It ends when we do, however we end. */
export interface Service {
  url: string
  port: number
  pid: number
  /** Settles when it has ended, with how; never rejects. */
  ended: Promise<ChildEnd>
  /** The last line that it wrote, fit for a message. */
  lastWords: () => string
  /** Asks it to end and makes it after 8 s; resolves when it has ended. */
  stop: () => Promise<ChildEnd>
}

/** `port-in-use`: the port that was asked for belongs to somebody else; `program`: it did not start or was not ready. */
export type Started<S extends Service = Service> =
  | { state: 'up'; service: S }
  | { state: 'failed'; cause: 'port-in-use' | 'program'; reason: string }

/** What every program of the stack is told. */
export interface ServiceOptions {
  /** Where it keeps its data, its log and what is written for it; made when absent. */
  folder: string
  /** A port of 127.0.0.1. Absent or 0: any that is free. */
  port?: number
  /** Interrupts the start. */
  signal?: AbortSignal
  /** How long it may take to be ready. */
  timeoutMs?: number
}

/** A program of others: where it is. */
export interface ToolOptions extends ServiceOptions {
  /** Absolute path, as `findTool` has found it. */
  program: string
}

export interface Launch {
  /** What messages call it. */
  name: string
  options: ServiceOptions
  command: (port: number) => readonly string[]
  /** Its whole environment. */
  env: NodeJS.ProcessEnv | ((port: number) => NodeJS.ProcessEnv)
  cwd?: string
  logFile: string
  /** A path that answers 2xx once it can be used, or another way to ask. */
  ready: string | ((child: Child) => boolean)
  /** Sent before SIGTERM when that alone is not the way to end it in time. */
  stopSignal?: NodeJS.Signals
}

const defaultTimeoutMs = 30_000
const stopGraceMs = 8000
/** A free port can be taken before the program binds it; not three times. */
const attempts = 3

/** Starts a program on the port that was asked for, or on a free one, and waits until it is ready. A failure leaves nothing running. */
export async function launch(plan: Launch): Promise<Started> {
  const wanted = plan.options.port ?? 0
  if (wanted !== 0 && !(await isFree(wanted))) return inUse(plan.name, wanted)
  mkdirSync(dirname(plan.logFile), { recursive: true })
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted === 0 ? await freePort() : wanted
    const started = await launchOn(port, plan)
    if (started.state === 'up' || started.cause !== 'port-in-use' || wanted !== 0 || attempt === attempts)
      return started
  }
}

async function launchOn(port: number, plan: Launch): Promise<Started> {
  const [program = '', ...args] = plan.command(port)
  const env = typeof plan.env === 'function' ? plan.env(port) : plan.env
  const child = startChild(program, args, {
    env,
    outputFile: plan.logFile,
    ...(plan.cwd !== undefined && { cwd: plan.cwd }),
  })
  const url = `http://127.0.0.1:${port}`
  const timeoutMs = plan.options.timeoutMs ?? defaultTimeoutMs
  const done = new AbortController()
  const signal = AbortSignal.any([done.signal, ...(plan.options.signal ? [plan.options.signal] : [])])
  const ready =
    typeof plan.ready === 'string'
      ? waitReady(url, plan.ready, { timeoutMs, signal }).then((answer) => answer === 'ready')
      : untilTrue(plan.ready, child, timeoutMs, signal)
  const first = await Promise.race([child.ended, ready])
  done.abort()
  if (first === true && child.pid !== undefined)
    return { state: 'up', service: serviceOf(child, child.pid, { url, port }, plan.stopSignal) }
  await child.stop(stopGraceMs)
  if (typeof first === 'object' && /address already in use|EADDRINUSE|is in use/i.test(child.tail('stderr')))
    return inUse(plan.name, port)
  return { state: 'failed', cause: 'program', reason: whyNot(plan, first, child, timeoutMs) }
}

function serviceOf(
  child: Child,
  pid: number,
  place: { url: string; port: number },
  stopSignal: NodeJS.Signals | undefined,
): Service {
  return {
    ...place,
    pid,
    ended: child.ended,
    lastWords: () => lastWords(child),
    stop: async () => {
      if (stopSignal === undefined) return child.stop(stopGraceMs)
      child.signal(stopSignal)
      // SIGTERM may mean something slower to it: only when it has not listened.
      const end = await Promise.race([child.ended, sleep(stopGraceMs - 1000, undefined, { ref: false })])
      return end ?? child.stop(1000)
    },
  }
}

async function untilTrue(
  isReady: (child: Child) => boolean,
  child: Child,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (!isReady(child)) {
    if (signal.aborted || performance.now() > deadline) return false
    await sleep(25)
  }
  return true
}

function inUse(name: string, port: number): Started {
  return { state: 'failed', cause: 'port-in-use', reason: `${name}: port ${port} is in use` }
}

function whyNot(plan: Launch, first: ChildEnd | boolean, child: Child, timeoutMs: number): string {
  if (plan.options.signal?.aborted) return `${plan.name}: interrupted while it was starting`
  const words = lastWords(child)
  const said = words === '' ? 'it wrote nothing' : `it last wrote: ${words}`
  if (typeof first === 'boolean') return `${plan.name} was not ready within ${timeoutMs / 1000} s; ${said}`
  if (first.state === 'failed') return `${plan.name} could not be started: ${first.reason}`
  return `${plan.name} ended with ${first.state === 'exited' ? `code ${first.code}` : first.signal} before it was ready; ${said}`
}

function lastWords(child: Child): string {
  const line =
    child
      .tail('stderr')
      .split('\n')
      .findLast((text) => text.trim() !== '') ?? ''
  return line
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 300)
}
