import type { ComparableRun } from '../../record/index.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'
import { toVerdictWord } from '../verdict.ts'
import { buildTestFamily } from './family.ts'
import { incomparableRows } from './fitness.ts'
import { minPairs, toRules } from './options.ts'
import type { ComparisonOptions } from './options.ts'
import { buildRows } from './rows.ts'
import { formatCount } from './wording.ts'

/**
 * Whether the candidate is slower than the baseline, by runs made of both: blocks of one duet when there are
 * as many of each (the i-th of both are a pair), else two sets of runs, which need more evidence. Runs are
 * the sample, never requests. Pure: the same runs always give the same verdict. `docs/detection.md` describes
 * how it decides and how often it errs.
 */
export function compareRuns(
  baseline: readonly ComparableRun[],
  candidate: readonly ComparableRun[],
  options: ComparisonOptions = {},
): Verdict {
  const rows = comparisonRows(baseline, candidate, options)
  const [run, base] = [firstId(candidate), firstId(baseline)]
  return {
    schema: 'vigil.verdict/1',
    verdict: toVerdictWord(rows),
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
  const unfit = incomparableRows(baseline, candidate)
  if (unfit.length > 0) return unfit
  const rules = toRules(options)
  const paired = baseline.length === candidate.length
  const count = Math.min(baseline.length, candidate.length)
  const rows = buildRows(buildTestFamily(baseline, candidate, rules), rules)
  return count < minPairs ? [tooFewRow(count, paired), ...rows.map(toSkipped)] : rows
}

function tooFewRow(count: number, paired: boolean): VerdictRow {
  const what = paired ? formatCount(count, 'pair') : `${formatCount(count, 'run')} on the smaller side`
  return {
    rule: 'comparison',
    step: null,
    metric: 'runs',
    status: 'inconclusive',
    message:
      `${what}, at least ${minPairs} are needed: with fewer, a burst of noise looks like a change; add ` +
      `at least ${minPairs - count}, 24 are usual`,
  }
}

/** The figures are shown, but nothing is concluded from them. */
function toSkipped(row: VerdictRow): VerdictRow {
  return row.status === 'invalid' ? row : { ...row, status: 'skipped' }
}

function firstId(runs: readonly ComparableRun[]): string | undefined {
  return runs.find((run) => run.id !== undefined)?.id
}
