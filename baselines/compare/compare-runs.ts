import type { ComparableRun } from '../../record/index.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'
import { toVerdictWord } from '../verdict.ts'
import { buildTestFamily } from './family.ts'
import { incomparableRows } from './fitness.ts'
import { minPairs, toRules } from './options.ts'
import type { ComparisonOptions } from './options.ts'
import { buildRows } from './rows.ts'
import { formatCount } from './wording.ts'
import { checkComparableRun, jsonOf } from '../../record/documents/index.ts'
import type { ReadResult } from '../../record/documents/index.ts'

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

export type CheckedRuns = { state: 'ok'; runs: ComparableRun[] } | { state: 'invalid'; problem: string }

/** Checks an array of records. */
export function checkRuns(value: unknown, where: string): CheckedRuns {
  if (!Array.isArray(value))
    return {
      state: 'invalid',
      problem:
        `${where}: found ${value === null ? 'null' : typeof value}, expected an array of vigil.run/1 ` +
        'records',
    }
  const runs: ComparableRun[] = []
  for (const [index, entry] of value.entries()) {
    const checked = checkComparableRun(entry, `${where}[${index}]`)
    if (checked.state === 'invalid') return checked
    runs.push(checked.run)
  }
  return { state: 'ok', runs }
}

/**
 * Reads a text that holds one record, an array of them, or one a line. `where` names the file in the problem.
 */
export function parseRuns(text: string, where: string): CheckedRuns {
  const document = jsonOf(text)
  if (document.state === 'ok')
    return Array.isArray(document.value)
      ? checkRuns(document.value, where)
      : toCheckedRuns(checkComparableRun(document.value, where))
  const lines = text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== '')
  // One damaged record is not many lines of them: its first line must be JSON before the text is read line by
  // line.
  if (lines.length < 2 || jsonOf(lines[0]?.line ?? '').state === 'invalid')
    return {
      state: 'invalid',
      problem:
        `${where}: not JSON (${document.problem}), expected a vigil.run/1 record, an array of them, or ` +
        'one a line',
    }
  const runs: ComparableRun[] = []
  for (const { line, number } of lines) {
    const value = jsonOf(line)
    if (value.state === 'invalid')
      return {
        state: 'invalid',
        problem: `${where}:${number}: not JSON (${value.problem}), expected a vigil.run/1 record`,
      }
    const checked = checkComparableRun(value.value, `${where}:${number}`)
    if (checked.state === 'invalid') return checked
    runs.push(checked.run)
  }
  return { state: 'ok', runs }
}

function toCheckedRuns(checked: ReadResult<ComparableRun>): CheckedRuns {
  return checked.state === 'ok' ? { state: 'ok', runs: [checked.run] } : checked
}
