import type { Journey } from '../../journeys/index.ts'
import { endingOf } from '../engines/k6/exits.ts'
import { lastWords, startK6 } from '../engines/k6/k6-process.ts'
import { freeAddress, liveReader } from '../engines/k6/live.ts'
import { orEnd, supervise } from '../engines/k6/supervise.ts'
import type { ExactTallies } from '../../baselines/exact/index.ts'
import { followUnits } from './follow.ts'
import type { SideReader } from './follow.ts'
import { sideOf } from './inside/sides.ts'
import type { Side } from './inside/sides.ts'
import type { DuetContexts, DuetPlan } from './inside/wire.ts'
import { readMessage } from './listen.ts'
import { writeScript } from './script.ts'
import { lowerPriority, pinProcess } from '../../runtime/processes/index.ts'
import type { Pinning } from '../../runtime/processes/index.ts'
import type { DuetRun, SideFacts } from './unit-records.ts'
import type { Pace } from './warm.ts'

/** One pair of the comparison: what both sides did with the same journeys at the same time. */
export interface MeasuredUnit {
  runs: Record<Side, DuetRun>
  exact: ExactTallies
}

export interface DuetLoadPlan {
  script: DuetPlan
  pairsPerUnit: number
  pace: Pace
  /** Absolute path of the journeys module. */
  module: string
  /** As in `script.journeys`. */
  journeys: readonly Journey[]
  contexts: DuetContexts
  facts: Record<Side, SideFacts>
  /** Ids of the records begin with it. */
  run: string
  readers: Record<Side, SideReader>
}

/** What happens while a duet is loaded. */
export interface DuetEvents {
  warming: (spentMs: number) => void
  /** A unit was measured; `stop` ends the load. */
  measured: (unit: MeasuredUnit) => 'go on' | 'stop'
}

export interface DuetSurroundings {
  k6: string
  /** Fresh, for this load alone. */
  folder: string
  env: NodeJS.ProcessEnv
  signal: AbortSignal
  monotonicMs: () => number
  wallMs: () => number
  /** Which cores k6 is kept on. */
  pinning: Pinning | undefined
}

/** `ended`: by `stop`, or because its time was up. */
export type DuetLoadEnd =
  | { state: 'ended' }
  | { state: 'interrupted' }
  | { state: 'unmeasured'; reason: string }
  | { state: 'usage-error'; reason: string }

/**
 * Loads both sides from one k6: warms them up until they are flat, then measures unit after unit until it is told to stop.
 * The warm-up is the same load: what is measured finds connections, pools and compiled code as they are under it.
 */
export async function loadDuet(
  plan: DuetLoadPlan,
  events: DuetEvents,
  surroundings: DuetSurroundings,
): Promise<DuetLoadEnd> {
  const { entry, remove } = await writeScript(plan.script, plan.module, plan.contexts, surroundings.folder)
  try {
    let end = await run(entry, plan, events, surroundings)
    // The port for its REST API was free when we looked; somebody else may have taken it since.
    for (let attempt = 1; attempt < portAttempts && end.state === 'port taken'; attempt += 1)
      end = await run(entry, plan, events, surroundings)
    return end.state === 'port taken'
      ? { state: 'unmeasured', reason: 'k6 found no free port for its REST API' }
      : end
  } finally {
    await remove()
  }
}

const portAttempts = 3

async function run(
  entry: string,
  plan: DuetLoadPlan,
  events: DuetEvents,
  { k6, folder, env, signal, wallMs, pinning }: DuetSurroundings,
): Promise<DuetLoadEnd | { state: 'port taken' }> {
  const { script } = plan
  const enough = new AbortController()
  let [started, misused]: [boolean, string | undefined] = [false, undefined]
  const address = await freeAddress()
  const live = liveReader(address)
  let known = 0
  // Late to answer, it has dropped at least as many as before.
  const dropped = async (): Promise<number> => (known = (await live.read())?.dropped ?? known)
  const units = followUnits(plan, { ...events, enough: () => enough.abort() }, { wallMs, dropped })
  const child = startK6(k6, ['--address', address, entry], {
    folder,
    env,
    onLine: (line) => {
      const message = readMessage(line, script.nonce)
      if (message === undefined) return
      if ('started' in message) started = true
      else if ('misused' in message) misused ??= message.misused
      else units.played(message.played, sideOf(script.seed, message.played[0]))
    },
  })
  if (pinning !== undefined && child.pid !== undefined) await pinProcess(child.pid, pinning.generator)
  // Where we may move others out of each other's way, we keep out of it ourselves.
  const restorePriority = pinning === undefined ? undefined : lowerPriority()
  const ended = orEnd<DuetLoadEnd | { state: 'port taken' }>(child, async () => {
    const stop = AbortSignal.any([signal, enough.signal])
    const { end, overdue } = await supervise(
      child,
      { stop: () => undefined, hasStarted: () => started },
      { users: script.preAllocated, runMs: script.durationMs + script.requestTimeoutMs },
      stop,
    )
    await units.settled()
    if (signal.aborted) return { state: 'interrupted' }
    if (misused !== undefined) return { state: 'usage-error', reason: `${plan.module}: ${misused}` }
    if (enough.signal.aborted) return { state: 'ended' }
    const ending = endingOf(end)
    if (overdue === undefined && ending.state === 'result') return { state: 'ended' }
    if (ending.state === 'failed' && ending.retry && !started) return { state: 'port taken' }
    return {
      state: 'unmeasured',
      reason: `${overdue ?? (ending.state === 'result' ? '' : ending.words)}: ${lastWords(child, script.nonce)}`,
    }
  })
  return ended.finally(restorePriority).finally(live.close)
}
