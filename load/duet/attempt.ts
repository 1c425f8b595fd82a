import { join } from 'node:path'
import { isDisturbed, hasTooManyDisturbed, judgeDuet } from '../../baselines/duet/index.ts'
import type { DuetRules, DuetUnits } from '../../baselines/duet/index.ts'
import { mergeTallies } from '../../baselines/exact/index.ts'
import type { InterimAnalysis } from '../../baselines/compare/index.ts'
import type { Verdict } from '../../baselines/index.ts'
import type { Run } from '../../record/index.ts'
import type { Side } from '../engines/k6/k6-runtime/wire.ts'
import type { MeasuredUnit } from './follow.ts'
import type { DuetEnvironment } from './load.ts'
import { measurePair } from './measure.ts'
import { canExplain, profilePair } from './profile.ts'
import type { PairProfile } from './profile.ts'
import type { DuetSuite, PairEnd, PairPlan } from './measure.ts'
import { startPair } from './processes/pair.ts'
import type { PairSource, RunningPair } from './processes/pair.ts'

/** A duet: two sides, a suite, and the rules of the decision. */
export interface DuetRequest {
  /** Id of the run. */
  run: string
  source: PairSource
  suite: DuetSuite
  targets: Record<Side, Run['target']>
  environment: Run['environment']
  rules: DuetRules
  /** Planned number of pairs of units. */
  pairs: number
  /**
   * On the monotonic clock: from then on no further pair of processes is started, and the load ends after the
   * current unit.
   */
  deadlineMs: number
  /** Profile both sides of a fail that CPU time can explain. */
  profile?: boolean
  /** Measures one pair of processes only, whatever the verdict, to observe how the two differ. */
  once?: boolean
}

/** Progress of a duet, for people. */
export interface DuetProgress {
  phase: (text: string) => void
  warming: (spentMs: number) => void
  /** After each unit; with the verdict where the duet was judged. */
  measured: (done: {
    pairs: number
    planned: number
    units: DuetUnits
    verdict: Verdict | undefined
    confirming: boolean
  }) => void
}

export interface DuetWorld extends Omit<DuetEnvironment, 'folder'> {
  /** For data and scripts of this duet alone. */
  scratch: string
  /** Where logs stay. */
  logs: string
  progress: DuetProgress
}

/** How the measurement of a pair of processes ended. `unavailable`: it could not be started. */
export type AttemptEnd = PairEnd | { state: 'unavailable'; side: Side | undefined; reason: string }

/** The units of one pair of processes, and the last verdict on them. */
export interface AttemptResult {
  units: MeasuredUnit[]
  verdict: Verdict | undefined
  end: AttemptEnd
  /** Missing where nothing was profiled. */
  profile?: PairProfile
  /** Resolves when the pair is stopped, which takes seconds of waiting; missing where none was started. */
  stopped?: Promise<void>
}

/** When the measurement of one pair of processes is judged, and what ends it. */
export interface AttemptPlan {
  /** Number of the pair of processes, from 0. */
  attempt: number
  /** Which of its sides starts first. */
  order: [Side, Side]
  /** Units of other pairs of processes that are judged together with this one's. */
  earlier: readonly MeasuredUnit[]
  /** The numbers of pairs, in total, after which the duet is judged. */
  analyses: readonly InterimAnalysis[]
  planned: number
  isDecided: (verdict: Verdict, analysis: InterimAnalysis, planned: number) => boolean
  confirming?: boolean
  /** Whether the duet ends with this verdict on the attempt, so that both sides can be profiled. */
  isFinal?: (verdict: Verdict) => boolean
}

/** Starts a fresh pair of processes, measures it until it is decided, and begins to stop it. */
export async function measureAttempt(
  request: DuetRequest,
  plan: AttemptPlan,
  world: DuetWorld,
): Promise<AttemptResult> {
  const { progress, scratch, logs, signal } = world
  const { attempt, order } = plan
  progress.phase(
    request.source.kind === 'urls'
      ? 'preparing virtual users on both sides'
      : `starting both sides, ${order.join(' then ')}`,
  )
  const folder = join(scratch, `pair-${attempt}`)
  // Services that run elsewhere cannot be moved to other cores.
  const pinning = request.source.kind === 'processes' ? world.pinning : undefined
  const place = { folder, logs: join(logs, `pair-${attempt + 1}`), cores: pinning?.services }
  const started = await startPair(request.source, order, place, signal)
  if (started.state === 'failed')
    return { units: [], verdict: undefined, end: { ...started, state: 'unavailable' } }
  const { pair } = started
  try {
    const result = await measureStarted(pair, request, plan, {
      ...world,
      pinning,
      folder: join(folder, 'k6'),
    })
    const stopped = pair.stop()
    // Who awaits it gets the error, maybe later.
    void stopped.catch(() => undefined)
    return { ...result, stopped }
  } catch (error) {
    await pair.stop()
    throw error
  }
}

async function measureStarted(
  pair: RunningPair,
  request: DuetRequest,
  plan: AttemptPlan,
  world: DuetWorld & DuetEnvironment,
): Promise<AttemptResult> {
  const { progress, signal } = world
  const judge = judgeUnits(request, plan, world)
  let profiling: Promise<PairProfile> | undefined
  const onDecided = async (countRequests: () => Record<Side, number>): Promise<void> => {
    const verdict = judge.lastVerdict()
    if (request.profile !== true || signal.aborted || verdict === undefined) return
    if (!canExplain(verdict) || plan.isFinal?.(verdict) !== true) return
    progress.phase('profiling both sides')
    profiling = profilePair(pair, profileSource(request.source), countRequests, signal)
    await profiling
  }
  const end = await measurePair(
    pair,
    toPairPlan(request, plan, world),
    { onWarmUp: progress.warming, onUnit: judge.addUnit, onDecided },
    world,
  )
  // The verdict is final before a profile begins: not even the end of a side changes it.
  if (profiling !== undefined) return { ...judge.finish({ state: 'ok' }), profile: await profiling }
  const exited = signal.aborted ? undefined : pair.exitedSide()
  if (exited === undefined) return judge.finish(end)
  const lastLine = pair.sides[exited].lastOutput() || 'nothing'
  return judge.finish({
    state: 'failed',
    side: exited,
    reason: `the ${exited} exited while it was loaded; it wrote: ${lastLine}`,
  })
}

function profileSource(source: PairSource): 'inspector' | 'pprof' {
  const path = source.kind === 'urls' ? source.profile : source.launch.candidate.profile
  return path === undefined ? 'inspector' : 'pprof'
}

function toPairPlan(request: DuetRequest, plan: AttemptPlan, world: DuetWorld): PairPlan {
  return {
    suite: request.suite,
    run: request.run,
    attempt: plan.attempt,
    seed: Math.floor(world.random() * 2 ** 31),
    targets: request.targets,
    environment: request.environment,
    maxUnits: maxPairs(request, plan) - plan.earlier.length,
  }
}

function maxPairs({ pairs }: Pick<DuetRequest, 'pairs'>, { analyses }: AttemptPlan): number {
  return analyses.at(-1)?.pairs ?? pairs
}

/** Judges the units of an attempt as they are measured, at its interim analyses. */
export function judgeUnits(
  request: Pick<DuetRequest, 'pairs' | 'deadlineMs' | 'rules'>,
  plan: AttemptPlan,
  { progress, monotonicMs }: Pick<DuetWorld, 'progress' | 'monotonicMs'>,
): {
  addUnit: (unit: MeasuredUnit) => 'continue' | 'stop'
  lastVerdict: () => Verdict | undefined
  finish: (end: AttemptEnd) => AttemptResult
} {
  const { earlier, analyses, planned, isDecided, confirming = false } = plan
  const units: MeasuredUnit[] = []
  let lastVerdict: Verdict | undefined
  let disturbed = 0
  const isLate = (): boolean => monotonicMs() > request.deadlineMs
  const addUnit = (unit: MeasuredUnit): 'continue' | 'stop' => {
    if (isDisturbed(unit.runs.baseline, unit.runs.candidate)) {
      disturbed += 1
      return hasTooManyDisturbed(disturbed, units.length) || isLate() ? 'stop' : 'continue'
    }
    units.push(unit)
    const all = [...earlier, ...units]
    const combined = combineUnits(all)
    const analysis = analyses.find(({ pairs }) => pairs === all.length)
    const verdict =
      analysis &&
      judgeDuet(combined, { ...request.rules, alpha: analysis.alpha, confidence: analysis.confidence })
    lastVerdict = verdict ?? lastVerdict
    progress.measured({ pairs: all.length, planned, units: combined, verdict, confirming })
    const isOver = isLate() || all.length >= maxPairs(request, plan)
    return isOver || (analysis && verdict && isDecided(verdict, analysis, planned)) ? 'stop' : 'continue'
  }
  const finish = (end: AttemptEnd): AttemptResult => ({
    units,
    verdict: lastVerdict,
    end:
      end.state === 'ok' && hasTooManyDisturbed(disturbed, units.length)
        ? { state: 'failed', side: undefined, reason: describeUnfit(disturbed, units.length) }
        : end,
  })
  return { addUnit, lastVerdict: () => lastVerdict, finish }
}

function describeUnfit(disturbed: number, undisturbed: number): string {
  return (
    `arrivals were dropped in ${disturbed} of ${disturbed + undisturbed} units while both sides were ` +
    'equally slow: this machine is too busy, or the rate is too high for it; ' +
    'lower the rate, or rerun when the machine is idle'
  )
}

/** Combines units as they are judged. */
export function combineUnits(units: readonly MeasuredUnit[]): DuetUnits {
  return {
    baseline: units.map(({ runs }) => runs.baseline),
    candidate: units.map(({ runs }) => runs.candidate),
    exact: mergeTallies(units.map(({ exact }) => exact)),
  }
}
