import type { ComparableRun } from '../../record/index.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'
import { verdictOf } from '../verdict.ts'
import { testFamily } from './family.ts'
import { unfitRows } from './fitness.ts'
import { leastPairs, rulesOf } from './options.ts'
import type { ComparisonOptions } from './options.ts'
import { rowsOf } from './rows.ts'
import { counted } from './wording.ts'

/**
 * Whether the candidate is slower than the baseline, by runs made of both: blocks of one duet when there are as many of each (the i-th
 * of both are a pair), else two sets of runs, of which more evidence is asked. Runs are the sample, never requests. Pure:
 * the same runs always give the same verdict. `docs/detection.md` says how it decides and how often it errs.
 */
export function compareRuns(
  baseline: readonly ComparableRun[],
  candidate: readonly ComparableRun[],
  options: ComparisonOptions = {},
): Verdict {
  const rows = comparisonRows(baseline, candidate, options)
  const [run, base] = [idOf(candidate), idOf(baseline)]
  return {
    schema: 'vigil.verdict/1',
    verdict: verdictOf(rows),
    rows,
    ...(run !== undefined && { run }),
    ...(base !== undefined && { baseline: base }),
  }
}

function comparisonRows(
  baseline: readonly ComparableRun[],
  candidate: readonly ComparableRun[],
  options: ComparisonOptions,
): VerdictRow[] {
  const unfit = unfitRows(baseline, candidate)
  if (unfit.length > 0) return unfit
  const rules = rulesOf(options)
  const paired = baseline.length === candidate.length
  const count = Math.min(baseline.length, candidate.length)
  const rows = rowsOf(testFamily(baseline, candidate, rules), rules)
  return count < leastPairs ? [tooFew(count, paired), ...rows.map(undecided)] : rows
}

function tooFew(count: number, paired: boolean): VerdictRow {
  const what = paired ? counted(count, 'pair') : `${counted(count, 'run')} on the smaller side`
  return {
    rule: 'comparison',
    step: null,
    metric: 'runs',
    status: 'inconclusive',
    message: `${what}, at least ${leastPairs} are needed: fewer cannot tell a change from a burst of noise; ${leastPairs - count} more would begin to, 24 are usual`,
  }
}

/** The figures are shown, but nothing is concluded from them. */
function undecided(row: VerdictRow): VerdictRow {
  return row.status === 'invalid' ? row : { ...row, status: 'skipped' }
}

function idOf(runs: readonly ComparableRun[]): string | undefined {
  return runs.find((run) => run.id !== undefined)?.id
}
