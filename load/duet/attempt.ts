import { join } from 'node:path'
import { isDisturbed, isUnfit, judgeDuet } from '../../baselines/duet/index.ts'
import type { DuetRules, DuetUnits } from '../../baselines/duet/index.ts'
import { mergeTallies } from '../../baselines/exact/index.ts'
import type { Look } from '../../baselines/compare/index.ts'
import type { Verdict } from '../../baselines/index.ts'
import type { Random, Run } from '../../record/index.ts'
import type { Side } from './inside/sides.ts'
import type { DuetSurroundings, MeasuredUnit } from './load.ts'
import { measurePair } from './measure.ts'
import type { DuetSuite, MeasuredEnd } from './measure.ts'
import { startPair } from './processes/pair.ts'
import type { PairSource } from './processes/pair.ts'

/** A duet: two sides, a suite, and how surely it is to be decided. */
export interface DuetRequest {
  /** Id of the run. */
  run: string
  source: PairSource
  suite: DuetSuite
  targets: Record<Side, Run['target']>
  environment: Run['environment']
  rules: DuetRules
  /** Pairs it takes while its outcome is open. */
  pairs: number
  /** When no further pair of processes is begun and an open outcome is left open, on the monotonic clock. */
  deadlineMs: number
  /** On one pair of processes and no more, whatever comes of it: to see how they differ. */
  once?: boolean
}

/** What a person may want to see of a duet at work. */
export interface DuetProgress {
  phase: (text: string) => void
  warming: (spentMs: number) => void
  /** After each unit; a verdict at each look. */
  measured: (done: {
    pairs: number
    planned: number
    units: DuetUnits
    looked: Verdict | undefined
    confirming: boolean
  }) => void
}

export interface DuetWorld extends Omit<DuetSurroundings, 'folder'> {
  /** For data and scripts of this duet alone. */
  scratch: string
  /** Where logs stay. */
  logs: string
  random: Random
  progress: DuetProgress
}

/** Units of one pair of processes and what was decided by them. */
export interface AttemptResult {
  units: MeasuredUnit[]
  verdict: Verdict | undefined
  end:
    | MeasuredEnd
    | { state: 'not started'; side: Side | undefined; reason: string }
    | { state: 'died'; side: Side; reason: string }
}

/** When a load is looked at, and what ends it. */
export interface AttemptPlan {
  /** Which pair of processes this is, from 0, and which of its sides starts first. */
  attempt: number
  order: [Side, Side]
  /** What was measured before on other pairs of processes, and is judged together with this. */
  earlier: readonly MeasuredUnit[]
  /** After so many pairs in all. */
  looks: readonly Look[]
  planned: number
  sure: (looked: Verdict, look: Look, planned: number) => boolean
  confirming?: boolean
}

/** Starts a fresh pair of processes, measures it until a look is sure, and ends it again. */
export async function measureAttempt(
  request: DuetRequest,
  { attempt, order, earlier, looks, planned, sure, confirming = false }: AttemptPlan,
  world: DuetWorld,
): Promise<AttemptResult> {
  const { progress, scratch, logs, signal } = world
  progress.phase(
    request.source.kind === 'urls'
      ? 'preparing virtual users on both sides'
      : `starting both sides, ${order.join(' then ')}`,
  )
  const folder = join(scratch, `pair-${attempt}`)
  // Services that run elsewhere are not ours to move.
  const pinning = request.source.kind === 'processes' ? world.pinning : undefined
  const started = await startPair(
    request.source,
    order,
    { folder, logs: join(logs, `pair-${attempt + 1}`), cores: pinning?.services },
    signal,
  )
  if (started.state === 'failed')
    return { units: [], verdict: undefined, end: { ...started, state: 'not started' } }
  const units: MeasuredUnit[] = []
  let verdict: Verdict | undefined
  const most = looks.at(-1)?.pairs ?? request.pairs
  let disturbed = 0
  const measured = (unit: MeasuredUnit): 'go on' | 'stop' => {
    if (isDisturbed(unit.runs.baseline, unit.runs.candidate)) {
      disturbed += 1
      return isUnfit(disturbed, units.length) || world.monotonicMs() > request.deadlineMs ? 'stop' : 'go on'
    }
    units.push(unit)
    const all = [...earlier, ...units]
    const look = looks.find(({ pairs }) => pairs === all.length)
    const soFar = combineUnits(all)
    const looked =
      look && judgeDuet(soFar, { ...request.rules, alpha: look.alpha, confidence: look.confidence })
    if (looked) verdict = looked
    progress.measured({ pairs: all.length, planned, units: soFar, looked, confirming })
    const late = world.monotonicMs() > request.deadlineMs
    return late || all.length >= most || (look && looked && sure(looked, look, planned)) ? 'stop' : 'go on'
  }
  const measuring = {
    suite: request.suite,
    run: request.run,
    attempt,
    seed: Math.floor(world.random() * 2 ** 31),
    targets: request.targets,
    environment: request.environment,
    mostUnits: most - earlier.length,
  }
  try {
    const end = await measurePair(
      started.pair,
      measuring,
      { warming: progress.warming, measured },
      { ...world, pinning, folder: join(folder, 'k6') },
    )
    const died = signal.aborted ? undefined : started.pair.died()
    if (died !== undefined)
      return {
        units,
        verdict,
        end: {
          state: 'died',
          side: died,
          reason: `the ${died} ended by itself while it was loaded; it last wrote: ${started.pair.sides[died].lastOutput() || 'nothing'}`,
        },
      }
    return {
      units,
      verdict,
      end:
        end.state === 'ended' && isUnfit(disturbed, units.length)
          ? { state: 'unmeasured', reason: unfitWords(disturbed, units.length) }
          : end,
    }
  } finally {
    await started.pair.stop()
  }
}

function unfitWords(disturbed: number, sound: number): string {
  return `arrivals were dropped in ${disturbed} of ${disturbed + sound} units while both sides were waiting alike: this machine is too busy, or the rate too high for it; load at a lower rate, or when it has time`
}

/** All units so far as they are judged. */
export function combineUnits(units: readonly MeasuredUnit[]): DuetUnits {
  return {
    baseline: units.map(({ runs }) => runs.baseline),
    candidate: units.map(({ runs }) => runs.candidate),
    exact: mergeTallies(units.map(({ exact }) => exact)),
  }
}
