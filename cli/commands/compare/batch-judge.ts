import { findChangePoints } from '../../../baselines/change-points/index.ts'
import type { ChangePointOptions } from '../../../baselines/change-points/index.ts'
import { checkRuns, compareRuns } from '../../../baselines/compare/index.ts'
import type { ComparableRun } from '../../../record/index.ts'
import { checkComparableRun, jsonOf } from '../../../record/documents/index.ts'
import type { ComparisonOptions } from '../../../baselines/compare/index.ts'
import { plain } from '../../../reports/wording/index.ts'

/** What is asked of every line of a batch. Plain data: it crosses to a worker. */
export type BatchJob =
  | { kind: 'compare'; comparison: ComparisonOptions }
  | { kind: 'history'; looked: ChangePointOptions }

/** What a line came to: the line to print, and what was wrong with it. */
export interface Answer {
  output: string
  problem?: string
}

type Judged = { state: 'judged'; document: object } | { state: 'refused'; problem: string }
type Fields = Readonly<Record<string, unknown>>

/** Judges one line of a batch. `where` names file and line in the problem; the answer is one line of JSON with the case's `id` whatever happens. */
export function judgeLine(job: BatchJob, where: string, text: string): Answer {
  const json = jsonOf(text)
  if (json.state === 'refused')
    return refused(job, null, `${where}: not JSON (${json.problem}), expected one case a line`)
  if (!isRecord(json.value))
    return refused(
      job,
      null,
      `${where}: found ${Array.isArray(json.value) ? 'an array' : typeof json.value}, expected an object with an id`,
    )
  const { id = null, ...fields } = json.value
  const judged =
    job.kind === 'compare'
      ? judgeComparison(fields, where, job.comparison)
      : judgeSeries(fields, where, job.looked)
  return judged.state === 'refused'
    ? refused(job, id, judged.problem)
    : { output: JSON.stringify({ id, ...judged.document }) }
}

/** The answer to a line that could not be judged: never a pass, never silence. */
export function refused({ kind }: BatchJob, id: unknown, why: string): Answer {
  const problem = plain(why)
  const document =
    kind === 'compare'
      ? {
          schema: 'vigil.verdict/1',
          verdict: 'invalid',
          rows: [{ rule: 'comparison', step: null, metric: 'input', status: 'invalid', message: problem }],
        }
      : { changes: [], problem }
  return { output: JSON.stringify({ id, ...document }), problem }
}

function judgeComparison(fields: Fields, where: string, comparison: ComparisonOptions): Judged {
  const baseline = checkRuns(fields['baseline'], `${where}: baseline`)
  if (baseline.state === 'refused') return baseline
  const candidate = checkRuns(fields['candidate'], `${where}: candidate`)
  if (candidate.state === 'refused') return candidate
  return { state: 'judged', document: compareRuns(baseline.runs, candidate.runs, comparison) }
}

function judgeSeries(fields: Fields, where: string, looked: ChangePointOptions): Judged {
  const series: unknown = fields['series']
  if (!Array.isArray(series))
    return {
      state: 'refused',
      problem: `${where}: series: found ${series === null ? 'null' : typeof series}, expected an array of vigil.run/1 records`,
    }
  const runs: (ComparableRun | null)[] = []
  for (const [index, value] of series.entries()) {
    // A gap in the series keeps its place.
    const checked =
      value === null
        ? { state: 'read' as const, run: null }
        : checkComparableRun(value, `${where}: series[${index}]`)
    if (checked.state === 'refused') return checked
    runs.push(checked.run)
  }
  return { state: 'judged', document: { changes: findChangePoints(runs, looked) } }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
