import { performance } from 'node:perf_hooks'
import { mixCycle } from '../../../journeys/index.ts'
import type { Journey } from '../../../journeys/index.ts'
import type { WallClock } from '../../../record/index.ts'
import { watchGenerator } from '../../generator/index.ts'
// File by file: the folder's index also brings an HTTP client of its own, which this process would only load.
import { addressOf } from '../../../journeys/client/address.ts'
import type { Address } from '../../../journeys/client/address.ts'
import { toOneLine } from '../../../record/index.ts'
import { Connection } from './connection.ts'
import type { ProcessMessage, ProcessPlan, ProcessResult } from './wire.ts'
import { planJourneys, VirtualUser } from './player.ts'
import type { LoadContext } from './player.ts'
import { Recorder } from './recorder.ts'

/** What a load may use of its process. */
export interface LoadProcess {
  say: (message: ProcessMessage) => void
  /** Aborted to end it in good order at once. */
  stop: AbortSignal
  clock: WallClock
}

/** `nothing`: ended before the measurement began. */
export type LoadEnd =
  | { state: 'measured'; result: Omit<ProcessResult, 'nonce'> }
  | { state: 'nothing' }
  | { state: 'usage-error'; problem: string }

/**
 * Journeys under way when the measured time is over may send their further steps for so long, uncounted, so that what they
 * made on the target they also remove.
 */
const drainMs = 5000
const marginMs = 1000
const monotonic = (): number => performance.now()

/** Runs in the load process: warm-up, measurement and what is still to be waited for, over the same connections. */
export async function runLoad(
  plan: ProcessPlan,
  journeys: readonly Journey[],
  { say, stop, clock }: LoadProcess,
): Promise<LoadEnd> {
  const address = addressOf(plan.targetUrl)
  const parts = planJourneys(
    plan.mix.map(({ journey }) => journey),
    journeys,
    address,
  )
  const recorder = new Recorder(
    parts.flatMap(({ steps }) => steps.map(({ key }) => key)),
    plan.connections,
    monotonic,
  )
  const rejected = new AbortController()
  let problem: string | undefined
  const misused = (what: string): void => {
    problem ??= toOneLine(what, 300)
    load.sending = 'nothing'
    rejected.abort()
  }
  const load: LoadContext = {
    run: plan.run,
    journeys: parts,
    cycle: mixCycle(plan.mix.map(({ weight }) => weight)),
    nextIteration: 0,
    sending: 'journeys',
    recorder,
    clock: monotonic,
    rejectPlan: misused,
  }
  const connections = openConnections(plan, address, load)
  const ended = AbortSignal.any([stop, rejected.signal])
  const progress = startProgress(recorder, say)
  if (plan.warmupMs > 0) await warmUp()
  let result: Omit<ProcessResult, 'nonce'> | undefined
  if (!ended.aborted) result = await measure()
  progress.stop()
  connections.close()
  if (problem !== undefined) return { state: 'usage-error', problem }
  return result === undefined ? { state: 'nothing' } : { state: 'measured', result }

  async function warmUp(): Promise<void> {
    connections.start()
    progress.phase('warmup', plan.warmupMs)
    await waitMsOrAbort(plan.warmupMs, ended)
  }

  async function measure(): Promise<Omit<ProcessResult, 'nonce'>> {
    const startedAt = new Date(clock()).toISOString()
    const watched = watchGenerator()
    recorder.begin()
    // Without a warm-up the first requests are measured ones.
    if (plan.warmupMs === 0) connections.start()
    say({ say: 'begin' })
    progress.phase('measure', plan.durationMs)
    await waitMsOrAbort(plan.durationMs, ended)
    recorder.end()
    const work = watched()
    say({ say: 'end' })
    if (!ended.aborted) await drain()
    return { startedAt, ...recorder.finish(), work }
  }

  async function drain(): Promise<void> {
    load.sending = 'steps'
    progress.phase('finish', 0)
    const cut = setTimeout(() => (load.sending = 'nothing'), drainMs)
    await waitMsOrAbort(
      drainMs + plan.requestTimeoutMs + marginMs,
      AbortSignal.any([ended, connections.closed]),
    )
    clearTimeout(cut)
  }
}

/** One connection for each user. `closed` is aborted when all have sent what they wanted. */
function openConnections(
  plan: ProcessPlan,
  address: Address,
  load: LoadContext,
): { start: () => void; close: () => void; closed: AbortSignal } {
  const closed = new AbortController()
  let open = plan.connections
  const connections = Array.from({ length: plan.connections }, (_, user) => {
    const saved = load.journeys.map(({ name }) => plan.contexts[name]?.[user] ?? {})
    return new Connection(address, plan.requestTimeoutMs, new VirtualUser(load, user, saved), () => {
      open -= 1
      if (open === 0) closed.abort()
    })
  })
  return {
    start: () => connections.forEach((connection) => connection.start()),
    close: () => connections.forEach((connection) => connection.close()),
    closed: closed.signal,
  }
}

function startProgress(
  recorder: Recorder,
  say: LoadProcess['say'],
): { phase: (phase: 'warmup' | 'measure' | 'finish', lengthMs: number) => void; stop: () => void } {
  let phase: 'warmup' | 'measure' | 'finish' = 'warmup'
  let until = 0
  const tell = (): void => {
    say({ say: 'progress', phase, secondsLeft: Math.max(0, (until - monotonic()) / 1000), ...recorder.now() })
  }
  const every = setInterval(tell, 1000)
  return {
    phase: (next, lengthMs) => {
      phase = next
      until = monotonic() + lengthMs
      tell()
    },
    stop: () => clearInterval(every),
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
