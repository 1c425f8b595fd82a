import {
  applyControl,
  confirmationAlpha,
  shortConfirmationAlpha,
  confirms,
  planDuetAnalyses,
  isDecided,
  judgeControl,
  judgeDuet,
  needsConfirmation,
  toUnconfirmed,
} from '../../baselines/duet/index.ts'
import type {
  Confirmation,
  Control,
  ControlUnits,
  DuetAnalysis,
  DuetRules,
  DuetUnits,
} from '../../baselines/duet/index.ts'
import { minPairs, planInterimAnalyses } from '../../baselines/compare/index.ts'
import type { InterimAnalysis } from '../../baselines/compare/index.ts'
import type { Verdict } from '../../baselines/index.ts'
import type { Side } from '../engines/k6/k6-runtime/wire.ts'
import { combineUnits, measureAttempt } from './attempt.ts'
import type { AttemptResult, DuetRequest, DuetWorld } from './attempt.ts'
import type { MeasuredUnit } from './follow.ts'
import { toShortPace } from './warm.ts'
import type { ProcessControl } from './process-control.ts'
import type { PairProfile } from './profile.ts'

/** The result of a duet. `units` of all pairs of processes in order, which the verdict is based on. */
export interface DuetOutcome {
  verdict: Verdict
  units: DuetUnits
  interrupted: boolean
  /** Seconds of measured load until the decision, and with the confirmation. */
  loadSeconds: { decided: number; all: number }
  /** How many pairs of processes were measured. */
  processPairs: number
  /** The baseline against itself; missing without a unit. */
  control?: Control
  /** What the control was judged by. */
  controlUnits?: ControlUnits
  /** Two processes of the baseline; missing without a request for it. */
  processControl?: ProcessControl
  /** Which functions use more CPU time; missing where nothing was profiled. */
  profile?: PairProfile
  /** Of a fail that was not repeated: of `planned` pairs of units, `pairs` were measured again. */
  unconfirmed?: Omit<Confirmation, 'verdict'>
}

/** `usage-error`: the plan is invalid in a way that only its author can correct. */
export type DuetResult = { state: 'ok'; outcome: DuetOutcome } | { state: 'usage-error'; reason: string }

/** Measures one pair of processes; tests pass another one. */
type MeasureAttempt = typeof measureAttempt

/**
 * Measures both sides until the duet is decided, or for the planned pairs, or for twice as many while it is
 * undecided and there is time. A fail must be repeated on a fresh pair of processes before it counts; one
 * that noise cannot cause need not.
 */
export async function runDuet(
  request: DuetRequest,
  world: DuetWorld,
  measure: MeasureAttempt = measureAttempt,
): Promise<DuetResult> {
  const stopped: Promise<void>[] = []
  // A pair is stopped while the next one starts: a service that ends its connections with care only waits.
  const measureAndLeave: MeasureAttempt = async (...plan) => {
    const result = await measure(...plan)
    if (result.stopped) stopped.push(result.stopped)
    return result
  }
  try {
    return await decideAndConfirm(request, world, measureAndLeave)
  } finally {
    await Promise.all(stopped)
  }
}

async function decideAndConfirm(
  request: DuetRequest,
  world: DuetWorld,
  measure: MeasureAttempt,
): Promise<DuetResult> {
  const ending = { signal: world.signal, rules: request.rules }
  const order: [Side, Side] = world.random() < 0.5 ? ['baseline', 'candidate'] : ['candidate', 'baseline']
  const deciding = await decide(request, order, world, measure)
  const last = deciding.at(-1) ?? deciding[0]
  if (last.end.state === 'usage-error') return last.end
  // A deadline between two analyses is not an analysis: the last one's verdict stands, with the error that
  // was spent on it.
  const decided =
    deciding.findLast(({ verdict }) => verdict !== undefined)?.verdict ??
    judgeAllUnits(deciding, request.rules)
  const problem = findProblem(last, deciding)
  if (request.once === true || problem !== undefined || !needsConfirmation(decided))
    return toResult(problem ?? decided, deciding, undefined, ending)
  const confirming = await confirm(request, decided, deciding.length, order, world, measure)
  if (confirming.end.state === 'usage-error') return confirming.end
  const ranOut = confirming.end.state === 'ok' && confirming.units.length === 0
  const confirmingProblem = ranOut ? undefined : findProblem(confirming, [confirming])
  if (confirmingProblem !== undefined) return toResult(confirmingProblem, deciding, confirming, ending)
  const repeated =
    confirming.verdict ?? judgeAllUnits([confirming], { ...request.rules, alpha: confirmationAlpha })
  const all = judgeAllUnits([...deciding, confirming], request.rules)
  if (ranOut || !confirms(decided, repeated)) {
    const planned = planConfirmation(request).at(-1)?.pairs ?? request.pairs
    const again = { pairs: confirming.units.length, planned }
    const verdict = toUnconfirmed(ranOut ? decided : all, { verdict: repeated, ...again })
    return toResult(verdict, deciding, confirming, ending, again)
  }
  // Two pairs of processes have failed, each by itself: that counts even where both together, of different
  // levels, are less certain.
  return toResult(all.verdict === 'fail' ? all : decided, deciding, confirming, ending)
}

/**
 * Measures one pair of processes, and a new one, started in the other order, for a duet that is undecided
 * after the planned pairs: two copies of one code differ by one or two per cent in everything they do, which
 * no number of units on one pair of processes can distinguish from the code. Services that run elsewhere
 * cannot be restarted and are only measured longer.
 */
async function decide(
  request: DuetRequest,
  order: [Side, Side],
  world: DuetWorld,
  measure: MeasureAttempt,
): Promise<[AttemptResult, ...AttemptResult[]]> {
  const analyses = planDuetAnalyses(request.pairs)
  const plannedAnalyses = withoutExtension(request)
  const planned = plannedAnalyses.at(-1)?.pairs ?? request.pairs
  const plan = {
    attempt: 0,
    order,
    planned,
    isDecided,
    isFinal: (verdict: Verdict) => !needsConfirmation(verdict),
    earlier: [],
  }
  if (request.source.kind === 'urls')
    return [
      await measure(
        request,
        { ...plan, analyses: request.once === true ? plannedAnalyses : analyses },
        world,
      ),
    ]
  const beganMs = world.monotonicMs()
  const first = await measure(request, { ...plan, analyses: plannedAnalyses }, world)
  const isUndecided =
    first.end.state === 'ok' && first.units.length >= planned && first.verdict?.verdict === 'inconclusive'
  // A fresh pair that is warm only after the deadline would add waiting and no unit.
  const loadMs = first.units.reduce((sum, { runs }) => sum + (runs.baseline.durationMs ?? 0), 0)
  const startMs = Math.max(0, world.monotonicMs() - beganMs - loadMs)
  const hasTime = !world.signal.aborted && world.monotonicMs() + startMs <= request.deadlineMs
  if (request.once === true || !isUndecided || !hasTime) return [first]
  world.progress.phase('undecided; continuing with a fresh pair of processes')
  const second = await measure(
    request,
    {
      ...plan,
      attempt: 1,
      order: swapOrder(order, 1),
      analyses: analyses.slice(plannedAnalyses.length),
      earlier: first.units,
    },
    world,
  )
  return [first, second]
}

/** Measures a fail again, on a fresh pair of processes. */
async function confirm(
  request: DuetRequest,
  decided: Verdict,
  attempt: number,
  order: [Side, Side],
  world: DuetWorld,
  measure: MeasureAttempt,
): Promise<AttemptResult> {
  const repeats = request.source.kind === 'urls' ? 'a fresh measurement' : 'a fresh pair of processes'
  world.progress.phase(`the candidate fails; repeating it with ${repeats} to confirm it`)
  const analyses = planConfirmation(request)
  const pace = toShortPace(request.suite.pace, request.suite.ratePerSecond) ?? request.suite.pace
  return measure(
    { ...request, suite: { ...request.suite, pace } },
    {
      attempt,
      order: swapOrder(order, attempt),
      analyses,
      planned: analyses.at(-1)?.pairs ?? request.pairs,
      isDecided: (verdict) => confirms(decided, verdict),
      isFinal: (verdict) => confirms(decided, verdict),
      confirming: true,
      earlier: [],
    },
    world,
  )
}

/**
 * The analyses of a confirmation: where its units have half the length, after the same seconds, and one
 * before, as soon as there are enough pairs. A large loss is confirmed in 10 s then.
 */
function planConfirmation({ pairs, suite }: DuetRequest): InterimAnalysis[] {
  const counts = withoutExtension({ pairs }).map((analysis) => analysis.pairs)
  const isShort = toShortPace(suite.pace, suite.ratePerSecond) !== undefined
  return planInterimAnalyses(
    isShort ? [minPairs, ...counts.map((count) => 2 * count)] : counts,
    isShort ? shortConfirmationAlpha : confirmationAlpha,
  )
}

/** The analyses within the planned pairs; later ones are only for an undecided duet. */
function withoutExtension(request: Pick<DuetRequest, 'pairs'>): DuetAnalysis[] {
  return planDuetAnalyses(request.pairs).filter(({ extends: isExtension }) => !isExtension)
}

/** The side that starts first is slower by up to a per cent, so the sides take turns. */
function swapOrder([first, second]: [Side, Side], attempt: number): [Side, Side] {
  return attempt % 2 === 0 ? [first, second] : [second, first]
}

/**
 * Judges all units with the total error: for a load that ended before its first interim analysis, whose few
 * pairs decide nothing, and for the end.
 */
function judgeAllUnits(attempts: readonly AttemptResult[], rules: DuetRules): Verdict {
  return judgeDuet(combineUnits(attempts.flatMap(({ units }) => units)), rules)
}

/**
 * The verdict on a measurement that did not run to its end; undefined when it did. `together`: the attempts
 * that are judged with it.
 */
function findProblem({ end }: AttemptResult, together: readonly AttemptResult[]): Verdict | undefined {
  const count = together.reduce((sum, { units }) => sum + units.length, 0)
  switch (end.state) {
    case 'ok':
      return count > 0
        ? undefined
        : validityVerdict('invalid', 'no unit was measured: the load ended before both sides were warm')
    case 'interrupted':
      return validityVerdict(
        'invalid',
        `interrupted after ${count} pairs; they were kept, but are not judged`,
      )
    case 'failed':
      return validityVerdict(end.side === 'candidate' ? 'fail' : 'invalid', end.reason)
    case 'unavailable':
      return validityVerdict(
        'invalid',
        end.side === undefined ? end.reason : `the ${end.side} could not be started: ${end.reason}`,
      )
    case 'usage-error':
      return validityVerdict('invalid', end.reason)
  }
}

function validityVerdict(status: 'fail' | 'invalid', message: string): Verdict {
  return {
    schema: 'vigil.verdict/1',
    verdict: status,
    rows: [{ rule: 'duet', step: null, metric: 'validity', status, message }],
  }
}

function toResult(
  verdict: Verdict,
  deciding: readonly AttemptResult[],
  confirming: AttemptResult | undefined,
  { signal, rules }: { signal: AbortSignal; rules: DuetRules },
  unconfirmed?: DuetOutcome['unconfirmed'],
): DuetResult {
  const decided = deciding.flatMap(({ units }) => units)
  const all = [...decided, ...(confirming?.units ?? [])]
  const controlUnits = toControlUnits(all)
  const control = judgeControl(controlUnits, rules)
  const profile = (confirming ?? deciding.at(-1))?.profile
  return {
    state: 'ok',
    outcome: {
      verdict: applyControl(verdict, control),
      ...(control && { control, controlUnits }),
      ...(profile && { profile }),
      units: combineUnits(all),
      interrupted: signal.aborted,
      loadSeconds: { decided: sumSeconds(decided), all: sumSeconds(all) },
      processPairs: deciding.length + (confirming === undefined ? 0 : 1),
      ...(unconfirmed && { unconfirmed }),
    },
  }
}

function toControlUnits(units: readonly MeasuredUnit[]): ControlUnits {
  const halves = units.flatMap(({ control }) => control ?? [])
  return { first: halves.map(({ first }) => first), second: halves.map(({ second }) => second) }
}

function sumSeconds(units: readonly MeasuredUnit[]): number {
  return units.reduce((sum, { runs }) => sum + runs.baseline.durationMs / 1000, 0)
}
