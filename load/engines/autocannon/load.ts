import { performance } from 'node:perf_hooks'
import { buildMixCycle, toAddress } from '../../../journeys/index.ts'
import type { Journey, Address } from '../../../journeys/index.ts'
import type { WallClock } from '../../../record/index.ts'
import { watchGenerator } from '../../generator/watch.ts'
// File by file: the folder's index also brings an HTTP client of its own, which this process would only load.
import { toOneLine } from '../../../record/index.ts'
import { Connection } from './connection.ts'
import type { ProcessMessage, ProcessPlan, ProcessResult } from './messages.ts'
import { planJourneys, VirtualUser } from './virtual-user.ts'
import type { LoadContext } from './virtual-user.ts'
import { Recorder } from './recorder.ts'

/** What a load may use of its process. */
export interface LoadProcess {
  send: (message: ProcessMessage) => void
  /** Aborted to end the load now, in good order. */
  stop: AbortSignal
  /** Settles when the load may begin. */
  released: Promise<void>
  clock: WallClock
  /** Holds the values of the plan's secrets. */
  env: NodeJS.ProcessEnv
}

/** `interrupted`: ended before the measurement began. */
export type LoadEnd =
  | { state: 'ok'; result: Omit<ProcessResult, 'nonce'> }
  | { state: 'interrupted' }
  | { state: 'usage-error'; problem: string }

/**
 * Journeys under way when the measured time is over may go on for this long, uncounted: a journey that
 * created something on the target should also reach the step that removes it.
 */
const drainMs = 5000
const marginMs = 1000
/** For the slowest of the processes that share a load to load its journeys. */
const longestWaitMs = 60_000
const monotonic = (): number => performance.now()

/** One line of the process's standard output. */
export function formatMessage(nonce: string, message: ProcessMessage): string {
  return `${nonce} ${JSON.stringify(message)}\n`
}

/**
 * Runs in the load process: warm-up, measurement and the requests still to be awaited, over the same
 * connections.
 */
export async function runLoad(
  plan: ProcessPlan,
  journeys: readonly Journey[],
  { send, stop, clock, env, released }: LoadProcess,
): Promise<LoadEnd> {
  const address = toAddress(plan.targetUrl)
  const rejected = new AbortController()
  let problem: string | undefined
  const rejectPlan = (reason: string): void => {
    problem ??= toOneLine(reason, 300)
    load.sending = 'nothing'
    rejected.abort()
  }
  const secrets = Object.fromEntries(plan.secrets.map((name) => [name, env[name] ?? '']))
  const load = createLoadContext(plan, journeys, { address, secrets, rejectPlan })
  const { recorder } = load
  const connections = openConnections(plan, address, load)
  const ended = AbortSignal.any([stop, rejected.signal])
  if (plan.shard !== undefined) {
    send({ say: 'ready' })
    await Promise.race([released, waitMsOrAbort(longestWaitMs, ended)])
  }
  const progress = startProgress(recorder, send)
  if (plan.warmupMs > 0) await warmUp()
  let result: Omit<ProcessResult, 'nonce'> | undefined
  if (!ended.aborted) result = await measure()
  progress.stop()
  connections.close()
  if (problem !== undefined) return { state: 'usage-error', problem }
  return result === undefined ? { state: 'interrupted' } : { state: 'ok', result }

  async function warmUp(): Promise<void> {
    connections.start()
    progress.phase('warmup', plan.warmupMs)
    await waitMsOrAbort(plan.warmupMs, ended)
  }

  async function measure(): Promise<Omit<ProcessResult, 'nonce'>> {
    const startedAt = new Date(clock()).toISOString()
    const stopWatch = watchGenerator()
    recorder.begin()
    // Without a warm-up the first requests are measured ones.
    if (plan.warmupMs === 0) connections.start()
    send({ say: 'begin' })
    progress.phase('measure', plan.durationMs)
    await waitMsOrAbort(plan.durationMs, ended)
    recorder.end()
    const work = stopWatch()
    send({ say: 'end' })
    if (!ended.aborted) await drain()
    return { startedAt, ...toShard(plan), ...recorder.finish(), work }
  }

  async function drain(): Promise<void> {
    load.sending = 'steps'
    progress.phase('finish', 0)
    const cutOff = setTimeout(() => (load.sending = 'nothing'), drainMs)
    await waitMsOrAbort(
      drainMs + plan.requestTimeoutMs + marginMs,
      AbortSignal.any([ended, connections.closed]),
    )
    clearTimeout(cutOff)
  }
}

function toShard({ shard }: ProcessPlan): Pick<ProcessResult, 'shard'> {
  if (shard === undefined) return {}
  const { name, plan, format } = shard
  return { shard: { name, plan, format } }
}

function createLoadContext(
  plan: ProcessPlan,
  journeys: readonly Journey[],
  { address, ...given }: Pick<LoadContext, 'secrets' | 'rejectPlan'> & { address: Address },
): LoadContext {
  const planned = planJourneys(
    plan.mix.map(({ journey }) => journey),
    journeys,
    address,
  )
  const keys = planned.flatMap(({ steps }) => steps.map(({ key }) => key))
  return {
    run: plan.run,
    journeys: planned,
    cycle: buildMixCycle(plan.mix.map(({ weight }) => weight)),
    nextIteration: 0,
    numbering: { first: plan.shard?.index ?? 0, stride: plan.shard?.of ?? 1 },
    sending: 'journeys',
    recorder: new Recorder(keys, plan.connections, monotonic),
    clock: monotonic,
    ...given,
  }
}

/** One connection for each user. `closed` is aborted when no user wants to send any more. */
function openConnections(
  plan: ProcessPlan,
  address: Address,
  load: LoadContext,
): { start: () => void; close: () => void; closed: AbortSignal } {
  const closed = new AbortController()
  let open = plan.connections
  const connections = Array.from({ length: plan.connections }, (_, place) => {
    const user = plan.firstUser + place
    const saved = load.journeys.map(({ name }) => plan.contexts[name]?.[user] ?? {})
    return new Connection(
      { address, ip: plan.ip },
      plan.requestTimeoutMs,
      new VirtualUser(load, { user, place }, saved),
      () => {
        open -= 1
        if (open === 0) closed.abort()
      },
    )
  })
  return {
    start: () => connections.forEach((connection) => connection.start()),
    close: () => connections.forEach((connection) => connection.close()),
    closed: closed.signal,
  }
}

function startProgress(
  recorder: Recorder,
  send: LoadProcess['send'],
): { phase: (phase: 'warmup' | 'measure' | 'finish', lengthMs: number) => void; stop: () => void } {
  let phase: 'warmup' | 'measure' | 'finish' = 'warmup'
  let until = 0
  const report = (): void => {
    send({
      say: 'progress',
      phase,
      secondsLeft: Math.max(0, (until - monotonic()) / 1000),
      ...recorder.now(),
    })
  }
  const timer = setInterval(report, 1000)
  return {
    phase: (next, lengthMs) => {
      phase = next
      until = monotonic() + lengthMs
      report()
    },
    stop: () => clearInterval(timer),
  }
}

async function waitMsOrAbort(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
