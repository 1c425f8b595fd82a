import { confirmingAlpha, confirms, duetLooks, isSure, judgeDuet, needsConfirming, unconfirmed } from '../baselines/duet/index.ts'
import type { DuetRules, DuetUnits } from '../baselines/duet/index.ts'
import { looksAt } from '../baselines/compare/index.ts'
import type { Verdict } from '../baselines/index.ts'
import { measure, unitsOf } from './attempt.ts'
import type { DuetRequest, DuetWorld, Measured } from './attempt.ts'
import type { Side } from './inside/sides.ts'
import type { MeasuredUnit } from './load.ts'

/** What a duet came to. `units` of all pairs of processes, in order, as the verdict rests on them. */
export interface DuetOutcome {
  verdict: Verdict
  units: DuetUnits
  interrupted: boolean
  /** Seconds of measured load until it was decided, and with the confirmation. */
  loadSeconds: { decided: number; all: number }
  /** How many pairs of processes were measured. */
  processPairs: number
}

/** A plan that is wrong in a way only its author can mend. */
export type DuetEnd = { state: 'judged'; outcome: DuetOutcome } | { state: 'misused'; reason: string }

/**
 * Measures both sides until it is sure, or for as many pairs as were asked for, or twice as many while it is still open and
 * there is time. A fail must come again on a fresh pair of processes before it is red; one that noise cannot make needs not.
 */
export async function runDuet(request: DuetRequest, world: DuetWorld): Promise<DuetEnd> {
  const order: [Side, Side] = world.random() < 0.5 ? ['baseline', 'candidate'] : ['candidate', 'baseline']
  const looks = duetLooks(request.pairs)
  const first = await measure(request, 0, order, { looks, planned: looks.at(-2)?.pairs ?? request.pairs, sure: (looked, look, planned) => isSure(looked, look, planned) }, world)
  if (first.end.state === 'misused') return first.end
  const decided = first.verdict ?? verdictWithout(first, request.rules)
  const problem = problemOf(first)
  if (problem !== undefined || !needsConfirming(decided)) return judged(problem ?? decided, [first], world)
  world.progress.phase(`it fails; starting a fresh pair of ${request.source.kind === 'urls' ? 'measurements' : 'processes'} to see whether it does again`)
  const fewer = looksAt(looks.map(({ pairs }) => pairs).slice(0, -1), confirmingAlpha)
  const second = await measure(request, 1, [order[1], order[0]], { looks: fewer, planned: fewer.at(-1)?.pairs ?? request.pairs, sure: (looked) => confirms(decided, looked), confirming: true }, world)
  if (second.end.state === 'misused') return second.end
  const again = second.verdict ?? verdictWithout(second, { ...request.rules, alpha: confirmingAlpha })
  const wrong = problemOf(second)
  if (wrong !== undefined) return judged(wrong, [first, second], world)
  const all = judgeDuet(unitsOf([...first.units, ...second.units]), request.rules)
  return judged(confirms(decided, again) ? red(all, decided) : unconfirmed(all), [first, second], world)
}

/** Red by two pairs of processes, each by itself: it stays so where both together, of different levels, would be less sure. */
function red(all: Verdict, first: Verdict): Verdict {
  return all.verdict === 'fail' ? all : first
}

/** What there is when a load ended before its first look: too few pairs to decide anything, and said so. */
function verdictWithout({ units }: Measured, rules: DuetRules): Verdict {
  return judgeDuet(unitsOf(units), rules)
}

/** A verdict for what could not be measured to its end; undefined when it could. */
function problemOf({ end, units }: Measured): Verdict | undefined {
  switch (end.state) {
    case 'ended':
      return units.length > 0 ? undefined : of('invalid', 'no unit was measured: the load ended before both sides were warm')
    case 'interrupted':
      return of('invalid', `interrupted after ${units.length} pairs: what there is was kept, and is not judged`)
    case 'refused':
    case 'died':
      return of(end.side === 'candidate' ? 'fail' : 'invalid', end.reason)
    case 'not started':
      return of('invalid', end.side === undefined ? end.reason : `the ${end.side} could not be started: ${end.reason}`)
    case 'unmeasured':
    case 'misused':
      return of('invalid', end.reason)
  }
}

function of(status: 'fail' | 'invalid', message: string): Verdict {
  return { schema: 'vigil.verdict/1', verdict: status, rows: [{ rule: 'duet', step: null, metric: 'validity', status, message }] }
}

function judged(verdict: Verdict, measured: readonly Measured[], world: DuetWorld): DuetEnd {
  const units = measured.flatMap((one) => one.units)
  const loadSeconds = { decided: secondsOf(measured[0]?.units ?? []), all: secondsOf(units) }
  return { state: 'judged', outcome: { verdict, units: unitsOf(units), interrupted: world.signal.aborted, loadSeconds, processPairs: measured.length } }
}

function secondsOf(units: readonly MeasuredUnit[]): number {
  return units.reduce((sum, { runs }) => sum + runs.baseline.durationMs / 1000, 0)
}
