import { planInterimAnalyses } from '../../baselines/compare/index.ts'
import { judgeDuet, compareWithKnownChange, failsRequests } from '../../baselines/duet/index.ts'
import type { KnownChange } from '../../baselines/duet/index.ts'
import { combineUnits, measureAttempt } from './attempt.ts'
import type { DuetRequest, DuetWorld } from './attempt.ts'
import type { Side } from '../engines/k6/k6-runtime/wire.ts'

/**
 * What was found out about one commit. `open`: its measurement decided nothing. `unbuildable`: it could not
 * be started, or it fails the requests that the journeys need.
 */
export type CommitOutcome = 'good' | 'bad' | 'open' | 'unbuildable'

/** A commit that was measured, by its place between good (−1) and bad (the last). */
export interface BisectTrial {
  index: number
  outcome: CommitOutcome
}

/** The commit that made the service slower; or the commits it is among, when some could not be classified. */
export type Culprit =
  | { state: 'found'; index: number }
  | { state: 'among'; from: number; to: number; why: 'unbuildable' | 'open' }
  | { state: 'interrupted' }

/**
 * Finds the first bad commit by binary search. `commits` counts those after the good one; the last is known
 * to be bad.
 *
 * A commit that cannot be built gives no information, so its nearest commit not yet tried is tried instead.
 * The same applies to a commit that stays open: its change is about as large as the margin, and its
 * neighbours are clearer.
 */
export async function bisect(
  commits: number,
  classify: (index: number) => Promise<CommitOutcome | 'interrupted'>,
): Promise<{ culprit: Culprit; attempts: BisectTrial[] }> {
  let [good, bad] = [-1, commits - 1]
  const attempts: BisectTrial[] = []
  const unclassified = new Map<number, 'unbuildable' | 'open'>()
  for (;;) {
    const next = nearestUntried(Math.floor((good + bad) / 2), good, bad, unclassified)
    if (next === undefined) return { culprit: nameCulprit(good, bad, unclassified), attempts }
    const outcome = await classify(next)
    if (outcome === 'interrupted') return { culprit: { state: 'interrupted' }, attempts }
    attempts.push({ index: next, outcome })
    switch (outcome) {
      case 'good':
        good = next
        break
      case 'bad':
        bad = next
        break
      case 'open':
      case 'unbuildable':
        unclassified.set(next, outcome)
    }
  }
}

/** The commit nearest to the midpoint, strictly between good and bad, that was not tried in vain. */
function nearestUntried(
  midpoint: number,
  good: number,
  bad: number,
  unclassified: ReadonlyMap<number, unknown>,
): number | undefined {
  const between = Array.from({ length: Math.max(0, bad - good - 1) }, (_, index) => good + 1 + index).filter(
    (index) => !unclassified.has(index),
  )
  return between.toSorted((a, b) => Math.abs(a - midpoint) - Math.abs(b - midpoint))[0]
}

function nameCulprit(
  good: number,
  bad: number,
  unclassified: ReadonlyMap<number, 'unbuildable' | 'open'>,
): Culprit {
  if (bad - good === 1) return { state: 'found', index: bad }
  const between = Array.from({ length: bad - good - 1 }, (_, index) => unclassified.get(good + 1 + index))
  return { state: 'among', from: good + 1, to: bad, why: between.includes('open') ? 'open' : 'unbuildable' }
}

/** Pair counts at which a commit of a bisect is judged. */
const classifyingPairs = [2, 8, 10, 12, 14, 16, 20, 24] as const

export type CommitClassification =
  | { state: 'ok'; outcome: 'good' | 'bad' | 'open' }
  | { state: 'ok'; outcome: 'unbuildable'; reason: string }
  | { state: 'interrupted' }
  | { state: 'failed'; reason: string }

/**
 * Decides whether the candidate of a request is on the good or the bad side of a known change, in as few
 * pairs as possible.
 */
export async function classifyCommit(
  request: DuetRequest,
  known: KnownChange,
  world: DuetWorld,
): Promise<CommitClassification> {
  const order: [Side, Side] = world.random() < 0.5 ? ['baseline', 'candidate'] : ['candidate', 'baseline']
  const analyses = planInterimAnalyses(
    classifyingPairs.filter((pairs) => known.rule === 'exact' || pairs > 2),
  )
  const { verdict, end, units, stopped } = await measureAttempt(
    request,
    {
      attempt: 0,
      order,
      earlier: [],
      analyses,
      planned: analyses.at(-1)?.pairs ?? request.pairs,
      isDecided: (interim) => compareWithKnownChange(known, interim) !== undefined,
    },
    world,
  )
  await stopped
  if (world.signal.aborted) return { state: 'interrupted' }
  if (end.state === 'failed' || end.state === 'unavailable')
    return end.side === 'candidate'
      ? { state: 'ok', outcome: 'unbuildable', reason: end.reason }
      : { state: 'failed', reason: end.reason }
  if (end.state === 'usage-error') return { state: 'failed', reason: end.reason }
  const measured = combineUnits(units)
  if (failsRequests(known, measured))
    return {
      state: 'ok',
      outcome: 'unbuildable',
      reason: 'it fails most of the requests that the journeys make',
    }
  const side = compareWithKnownChange(known, verdict ?? judgeDuet(measured, request.rules))
  return { state: 'ok', outcome: side ?? 'open' }
}
