import type { Verdict, VerdictRow } from '../verdict.ts'

/** What is known to be worse between the ends of a bisect, and by how much: what each commit between is asked for. */
export type KnownChange = Pick<VerdictRow, 'rule' | 'step' | 'metric' | 'ratio' | 'candidate' | 'baseline'>

/** The row of a fail that tells commits apart best: what is counted exactly, else the strongest evidence with an interval. */
export function selectBisectRow(failed: Verdict): KnownChange | undefined {
  const rows = failed.rows.filter((row) => row.status === 'fail')
  return (
    rows.find((row) => row.rule === 'exact') ??
    rows.find((row) => row.ci !== undefined && row.ratio !== undefined) ??
    rows[0]
  )
}

/**
 * Whether a commit is on the good or the bad side of a known change: on which side of its middle, on the log scale, the
 * commit's own interval lies. That takes fewer pairs than to show that it is worse at all, since what is looked for is known.
 * Undefined while the interval holds the middle.
 */
export function compareWithKnownChange(known: KnownChange, looked: Verdict): 'good' | 'bad' | undefined {
  const row = looked.rows.find(
    (one) => one.rule === known.rule && one.step === known.step && one.metric === known.metric,
  )
  if (row === undefined) return undefined
  const middle = known.ratio === undefined || known.ratio <= 0 ? undefined : Math.sqrt(known.ratio)
  if (known.rule === 'exact') return classifyByCount(known, row)
  if (row.ci !== undefined && middle !== undefined) {
    const [low, high] = row.ci
    if (known.ratio !== undefined && known.ratio < 1)
      return high < middle ? 'bad' : low > middle ? 'good' : undefined
    return low > middle ? 'bad' : high < middle ? 'good' : undefined
  }
  // Errors have no interval: a fail is a fail, and as few as half of the known ones are none.
  if (row.status === 'fail') return 'bad'
  return (row.candidate ?? 0) < ((known.baseline ?? 0) + (known.candidate ?? 0)) / 2 && row.status === 'pass'
    ? 'good'
    : undefined
}

function classifyByCount(known: KnownChange, row: VerdictRow): 'good' | 'bad' {
  const middle = ((known.baseline ?? 0) + (known.candidate ?? 0)) / 2
  return (row.candidate ?? 0) > middle === (known.candidate ?? 0) > middle ? 'bad' : 'good'
}
