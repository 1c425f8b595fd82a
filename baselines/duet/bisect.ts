import { isMostlyFailed } from '../verdict.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'
import type { DuetUnits } from './units.ts'

/** The known loss between the ends of a bisect, and its size: each commit between them is tested for it. */
export type KnownChange = Pick<VerdictRow, 'rule' | 'step' | 'metric' | 'ratio' | 'candidate' | 'baseline'>

/**
 * The row of a fail that separates commits best: what is counted exactly, else the strongest evidence with an
 * interval.
 */
export function selectBisectRow(failed: Verdict): KnownChange | undefined {
  const rows = failed.rows.filter((row) => row.status === 'fail')
  return (
    rows.find((row) => row.rule === 'exact') ??
    rows.find((row) => row.ci !== undefined && row.ratio !== undefined) ??
    rows[0]
  )
}

/**
 * Whether a commit is on the good or the bad side of a known change: on which side of its midpoint, on the
 * log scale, the commit's own interval is. That takes fewer pairs than showing a loss at all, since the size
 * of the loss is known. Undefined while the interval contains the midpoint.
 */
export function compareWithKnownChange(known: KnownChange, verdict: Verdict): 'good' | 'bad' | undefined {
  const row = verdict.rows.find(
    (one) => one.rule === known.rule && one.step === known.step && one.metric === known.metric,
  )
  if (row === undefined) return undefined
  const midpoint = known.ratio === undefined || known.ratio <= 0 ? undefined : Math.sqrt(known.ratio)
  if (known.rule === 'exact') return classifyByCount(known, row)
  if (row.ci !== undefined && midpoint !== undefined) {
    const [low, high] = row.ci
    if (known.ratio !== undefined && known.ratio < 1)
      return high < midpoint ? 'bad' : low > midpoint ? 'good' : undefined
    return low > midpoint ? 'bad' : high < midpoint ? 'good' : undefined
  }
  // Errors have no interval: a fail counts as bad, and fewer than half of the known ones as good.
  if (row.status === 'fail') return 'bad'
  return (row.candidate ?? 0) < ((known.baseline ?? 0) + (known.candidate ?? 0)) / 2 && row.status === 'pass'
    ? 'good'
    : undefined
}

function classifyByCount(known: KnownChange, row: VerdictRow): 'good' | 'bad' {
  const midpoint = ((known.baseline ?? 0) + (known.candidate ?? 0)) / 2
  return (row.candidate ?? 0) > midpoint === (known.candidate ?? 0) > midpoint ? 'bad' : 'good'
}

/**
 * Whether a commit fails most of its requests while the other side does not: it cannot be classified by the
 * rest, since a fast error page would count as good. Errors that the search is for are its answer.
 */
export function failsRequests(
  known: Pick<KnownChange, 'metric'>,
  { candidate }: Pick<DuetUnits, 'candidate'>,
): boolean {
  const sum = (pick: 'requests' | 'errors'): number =>
    candidate.reduce((total, { totals }) => total + totals[pick], 0)
  return known.metric !== 'errorRate' && isMostlyFailed({ requests: sum('requests'), errors: sum('errors') })
}
