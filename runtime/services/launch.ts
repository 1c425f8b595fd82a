import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { toTargetUrl } from '../../journeys/index.ts'
import { describeEnd, findCauseLine, startChild } from '../processes/index.ts'
import type { Child, ChildEnd } from '../processes/index.ts'
import { createServer } from 'node:net'
import { sendRequest } from '../../journeys/client/index.ts'

/** A service that has become ready. */
export interface RunningService {
  /** Settles when it has ended, with how; never rejects. */
  ended: Promise<ChildEnd>
  /** The line that says why it ended, else the last one that it wrote; '' when it wrote nothing. */
  lastOutput: () => string
  /** Asks it to end, and kills it after a grace period; resolves when it has ended. */
  stop: () => Promise<unknown>
}

/** A service that was started here. It ends when this process does, however that ends. */
export interface RunningProcess extends RunningService {
  pid: number
  stop: () => Promise<ChildEnd>
}

/** A service on the loopback address. */
export interface Service extends RunningProcess {
  url: string
  port: number
}

/** `port-in-use`: another program has the port; `program`: it did not start, or was not ready in time. */
export type StartResult<S extends RunningService = Service> =
  | { state: 'ok'; service: S }
  | { state: 'failed'; cause: 'port-in-use' | 'program'; reason: string }

/** How to start a process and see that it is ready. */
export interface ProcessPlan {
  /** Its name in messages. */
  name: string
  command: readonly string[]
  cwd?: string
  /** Its complete environment. */
  env: NodeJS.ProcessEnv
  /** Where both output streams go. */
  logFile: string
  url: string
  /** A path that answers 2xx once the service can be used, or another check. */
  ready: string | ((child: Child) => boolean)
  /** How long it may take to become ready. */
  timeoutMs?: number
  /** How long it may take to end after SIGTERM. */
  stopGraceMs?: number
  /** Sent before SIGTERM, where SIGTERM does not end it in time. */
  stopSignal?: NodeJS.Signals
  /** Interrupts the start. */
  signal?: AbortSignal | undefined
}

const defaultTimeoutMs = 30_000
const defaultStopGraceMs = 8000

/** Starts a process and waits until it is ready or has ended. A failure leaves nothing running. */
export async function startProcess(plan: ProcessPlan): Promise<StartResult<RunningProcess>> {
  const [program = '', ...args] = plan.command
  mkdirSync(dirname(plan.logFile), { recursive: true })
  const child = startChild(program, args, {
    env: plan.env,
    outputFile: plan.logFile,
    ...(plan.cwd !== undefined && { cwd: plan.cwd }),
  })
  const settled = new AbortController()
  const signal = AbortSignal.any([settled.signal, ...(plan.signal ? [plan.signal] : [])])
  const end = await Promise.race([child.ended, waitUntilReady(plan, child, signal)])
  settled.abort()
  if (end === 'ready' && child.pid !== undefined)
    return { state: 'ok', service: toRunning(child, child.pid, plan) }
  await child.stop(plan.stopGraceMs ?? defaultStopGraceMs)
  const portTaken = /address already in use|EADDRINUSE|is in use/i.test(child.tail('stderr'))
  return {
    state: 'failed',
    cause: typeof end === 'object' && portTaken ? 'port-in-use' : 'program',
    reason: explainFailure(plan, end, child),
  }
}

async function waitUntilReady(
  { url, ready, timeoutMs = defaultTimeoutMs }: ProcessPlan,
  child: Child,
  signal: AbortSignal,
): Promise<'ready' | 'timeout'> {
  if (typeof ready === 'string')
    return (await waitReady(url, ready, { timeoutMs, signal })) === 'ready' ? 'ready' : 'timeout'
  const deadline = performance.now() + timeoutMs
  while (!ready(child)) {
    if (signal.aborted || performance.now() > deadline) return 'timeout'
    await sleep(25)
  }
  return 'ready'
}

function toRunning(child: Child, pid: number, plan: ProcessPlan): RunningProcess {
  const graceMs = plan.stopGraceMs ?? defaultStopGraceMs
  return {
    pid,
    ended: child.ended,
    lastOutput: () => findCauseLine(child.tail('stderr')),
    stop: async () => {
      if (plan.stopSignal === undefined) return child.stop(graceMs)
      child.signal(plan.stopSignal)
      // SIGTERM may mean a slower end to it, so it is sent only if the first signal had no effect.
      const end = await Promise.race([child.ended, sleep(graceMs - 1000, undefined, { ref: false })])
      return end ?? child.stop(1000)
    },
  }
}

function explainFailure(plan: ProcessPlan, end: ChildEnd | 'ready' | 'timeout', child: Child): string {
  const { name, timeoutMs = defaultTimeoutMs } = plan
  if (plan.signal?.aborted) return `${name}: interrupted while it was starting`
  const line = findCauseLine(child.tail('stderr'))
  const output = line === '' ? 'it wrote nothing' : `it wrote: ${line}`
  if (typeof end === 'string') {
    const place = typeof plan.ready === 'string' ? ` at ${toTargetUrl(plan.url, plan.ready).href}` : ''
    return `${name} was not ready${place} within ${timeoutMs / 1000} s; ${output}`
  }
  return end.state === 'failed'
    ? `${name} ${describeEnd(end)}`
    : `${name} ${describeEnd(end)} before it was ready; ${output}`
}

/** What every service on the loopback address is started with. */
export interface ServiceOptions {
  /** Holds its data, its log and the files written for it; created when missing. */
  folder: string
  /** A port of 127.0.0.1. Missing or 0: any free port. */
  port?: number
  /** Interrupts the start. */
  signal?: AbortSignal
  /** How long it may take to become ready. */
  timeoutMs?: number
}

/** A program of the tool catalogue. */
export interface ToolOptions extends ServiceOptions {
  /** Absolute path, as `findTool` returns it. */
  program: string
}

/** A {@link ProcessPlan} whose address is chosen when it starts. */
export interface ServicePlan extends Pick<ProcessPlan, 'name' | 'cwd' | 'logFile' | 'ready' | 'stopSignal'> {
  options: ServiceOptions
  command: (port: number) => readonly string[]
  env: NodeJS.ProcessEnv | ((port: number) => NodeJS.ProcessEnv)
}

/** A free port can be taken before the program binds it, but not three times in a row. */
const portAttempts = 3

/** Starts a service on the requested port, or on a free one, and waits until it is ready. */
export async function startService(plan: ServicePlan): Promise<StartResult> {
  const { name, options, command, env, ...rest } = plan
  const requested = options.port ?? 0
  if (requested !== 0 && !(await isFree(requested))) return portInUse(name, requested)
  for (let attempt = 1; ; attempt += 1) {
    const port = requested === 0 ? await freePort() : requested
    const url = `http://127.0.0.1:${port}`
    const started = await startProcess({
      ...rest,
      name,
      url,
      command: command(port),
      env: typeof env === 'function' ? env(port) : env,
      signal: options.signal,
      ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
    })
    if (started.state === 'ok') return { state: 'ok', service: { ...started.service, url, port } }
    if (started.cause !== 'port-in-use') return started
    if (requested !== 0 || attempt === portAttempts) return portInUse(name, port)
  }
}

function portInUse(name: string, port: number): StartResult {
  return { state: 'failed', cause: 'port-in-use', reason: `${name}: port ${port} is in use` }
}

const loopback = '127.0.0.1'

/**
 * A port of the loopback address that was free a moment ago; another program may take it before it is used.
 */
export async function freePort(): Promise<number> {
  const port = await tryPort(0)
  if (port === undefined) throw new Error(`no port is free on ${loopback}`)
  return port
}

/** Whether no program listens on the port, on the loopback address or on every address. */
export async function isFree(port: number): Promise<boolean> {
  return (await tryPort(port)) !== undefined
}

async function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: loopback, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined))
    })
  })
}

/** `unreachable`: no connection could be made; `not-ready`: connected, but the answer was not 2xx. */
export type Readiness = 'ready' | 'not-ready' | 'unreachable'

const attemptTimeoutMs = 2000
const pauseMs = 50

/**
 * Sends requests until the answer is 2xx or time is up, at least one. Returns the outcome of the last one.
 */
export async function waitReady(
  baseUrl: string,
  path: string,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<Readiness> {
  const deadline = performance.now() + limits.timeoutMs
  for (;;) {
    const readiness = await checkReady(baseUrl, path, limits.signal)
    if (readiness === 'ready' || limits.signal.aborted || performance.now() >= deadline) return readiness
    await sleep(pauseMs, undefined, { signal: limits.signal }).catch(() => undefined)
  }
}

async function checkReady(baseUrl: string, path: string, signal: AbortSignal): Promise<Readiness> {
  const result = await sendRequest(
    baseUrl,
    { method: 'GET', path, headers: {}, body: undefined },
    // The body is not needed and may be endless.
    { timeoutMs: attemptTimeoutMs, maxBodyBytes: 0, signal, purpose: 'readiness', headersOnly: true },
  )
  if (result.state === 'failed')
    return result.hasConnected || result.class === 'tls' ? 'not-ready' : 'unreachable'
  const { status } = result.response
  return status >= 200 && status < 300 ? 'ready' : 'not-ready'
}
