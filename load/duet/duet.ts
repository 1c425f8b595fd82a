import {
  confirmingAlpha,
  confirms,
  duetLooks,
  isSure,
  judgeDuet,
  needsConfirming,
  unconfirmed,
} from '../../baselines/duet/index.ts'
import type { DuetRules, DuetUnits } from '../../baselines/duet/index.ts'
import { looksAt } from '../../baselines/compare/index.ts'
import type { DuetLook } from '../../baselines/duet/index.ts'
import type { Verdict } from '../../baselines/index.ts'
import { measureAttempt, combineUnits } from './attempt.ts'
import type { DuetRequest, DuetWorld, AttemptResult } from './attempt.ts'
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
export type DuetResult = { state: 'judged'; outcome: DuetOutcome } | { state: 'usage-error'; reason: string }

/**
 * Measures both sides until it is sure, or for as many pairs as were asked for, or twice as many while it is still open and
 * there is time. A fail must come again on a fresh pair of processes before it is red; one that noise cannot make needs not.
 */
export async function runDuet(
  request: DuetRequest,
  world: DuetWorld,
  measureOn: MeasureOn = measureAttempt,
): Promise<DuetResult> {
  const order: [Side, Side] = world.random() < 0.5 ? ['baseline', 'candidate'] : ['candidate', 'baseline']
  const deciding = await decide(request, order, world, measureOn)
  const last = deciding.at(-1) ?? deciding[0]
  if (last.end.state === 'usage-error') return last.end
  // Time that is up between two looks is no look: what the last one said stands, with the error that was spent on it.
  const decided =
    deciding.findLast(({ verdict }) => verdict !== undefined)?.verdict ??
    verdictWithout(deciding, request.rules)
  const problem = problemOf(last, deciding)
  if (request.once === true || problem !== undefined || !needsConfirming(decided))
    return judged(problem ?? decided, deciding, undefined, world)
  world.progress.phase(
    `it fails; starting a fresh pair of ${request.source.kind === 'urls' ? 'measurements' : 'processes'} to see whether it does again`,
  )
  const fewer = looksAt(
    before(request).map(({ pairs }) => pairs),
    confirmingAlpha,
  )
  const second = await measureOn(
    request,
    {
      attempt: deciding.length,
      order: nextOrder(order, deciding.length),
      looks: fewer,
      planned: fewer.at(-1)?.pairs ?? request.pairs,
      sure: (looked) => confirms(decided, looked),
      confirming: true,
      earlier: [],
    },
    world,
  )
  if (second.end.state === 'usage-error') return second.end
  const again = second.verdict ?? verdictWithout([second], { ...request.rules, alpha: confirmingAlpha })
  const wrong = problemOf(second, [second])
  if (wrong !== undefined) return judged(wrong, deciding, second, world)
  const all = judgeDuet(combineUnits([...deciding, second].flatMap(({ units }) => units)), request.rules)
  return judged(confirms(decided, again) ? red(all, decided) : unconfirmed(all), deciding, second, world)
}

/** How a pair of processes is measured; another one in tests. */
type MeasureOn = typeof measureAttempt

/**
 * One pair of processes, and a fresh one, started in the other order, for what is still open after as many pairs as were asked for: two
 * copies of one code differ by one or two per cent in all that they do, which no number of units on one pair of processes can
 * tell from the code. Services that run elsewhere cannot be started afresh and are only measured longer.
 */
async function decide(
  request: DuetRequest,
  order: [Side, Side],
  world: DuetWorld,
  measureOn: MeasureOn,
): Promise<[AttemptResult, ...AttemptResult[]]> {
  const looks = duetLooks(request.pairs)
  const usual = before(request)
  const planned = usual.at(-1)?.pairs ?? request.pairs
  const plan = { attempt: 0, order, planned, sure: isSure, earlier: [] }
  if (request.source.kind === 'urls')
    return [await measureOn(request, { ...plan, looks: request.once === true ? usual : looks }, world)]
  const first = await measureOn(request, { ...plan, looks: usual }, world)
  const open =
    first.end.state === 'ended' && first.units.length >= planned && first.verdict?.verdict === 'inconclusive'
  if (request.once === true || !open || world.signal.aborted || world.monotonicMs() > request.deadlineMs)
    return [first]
  world.progress.phase('still open; going on with a fresh pair of processes')
  return [
    first,
    await measureOn(
      request,
      {
        ...plan,
        attempt: 1,
        order: nextOrder(order, 1),
        looks: looks.slice(usual.length),
        earlier: first.units,
      },
      world,
    ),
  ]
}

/** The looks at the pairs that were asked for; later ones are at what is still open. */
function before(request: DuetRequest): DuetLook[] {
  return duetLooks(request.pairs).filter(({ extends: more }) => !more)
}

/** The side that starts first is slower by as much as a per cent: each has its turn. */
function nextOrder([first, second]: [Side, Side], attempt: number): [Side, Side] {
  return attempt % 2 === 0 ? [first, second] : [second, first]
}

/** Red by two pairs of processes, each by itself: it stays so where both together, of different levels, would be less sure. */
function red(all: Verdict, first: Verdict): Verdict {
  return all.verdict === 'fail' ? all : first
}

/** What there is when a load ended before its first look: too few pairs to decide anything, and said so. */
function verdictWithout(measured: readonly AttemptResult[], rules: DuetRules): Verdict {
  return judgeDuet(combineUnits(measured.flatMap(({ units }) => units)), rules)
}

/** A verdict for what could not be measured to its end; undefined when it could. `together`: what is judged with it. */
function problemOf({ end }: AttemptResult, together: readonly AttemptResult[]): Verdict | undefined {
  const units = together.flatMap((one) => one.units)
  switch (end.state) {
    case 'ended':
      return units.length > 0
        ? undefined
        : of('invalid', 'no unit was measured: the load ended before both sides were warm')
    case 'interrupted':
      return of(
        'invalid',
        `interrupted after ${units.length} pairs: what there is was kept, and is not judged`,
      )
    case 'refused':
    case 'died':
      return of(end.side === 'candidate' ? 'fail' : 'invalid', end.reason)
    case 'not started':
      return of(
        'invalid',
        end.side === undefined ? end.reason : `the ${end.side} could not be started: ${end.reason}`,
      )
    case 'unmeasured':
    case 'usage-error':
      return of('invalid', end.reason)
  }
}

function of(status: 'fail' | 'invalid', message: string): Verdict {
  return {
    schema: 'vigil.verdict/1',
    verdict: status,
    rows: [{ rule: 'duet', step: null, metric: 'validity', status, message }],
  }
}

function judged(
  verdict: Verdict,
  deciding: readonly AttemptResult[],
  confirming: AttemptResult | undefined,
  world: DuetWorld,
): DuetResult {
  const decided = deciding.flatMap(({ units }) => units)
  const all = [...decided, ...(confirming?.units ?? [])]
  const processPairs = deciding.length + (confirming === undefined ? 0 : 1)
  return {
    state: 'judged',
    outcome: {
      verdict,
      units: combineUnits(all),
      interrupted: world.signal.aborted,
      loadSeconds: { decided: secondsOf(decided), all: secondsOf(all) },
      processPairs,
    },
  }
}

function secondsOf(units: readonly MeasuredUnit[]): number {
  return units.reduce((sum, { runs }) => sum + runs.baseline.durationMs / 1000, 0)
}
