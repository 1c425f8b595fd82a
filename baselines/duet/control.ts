import { compareRuns } from '../compare/index.ts'
import type { ComparisonOptions } from '../compare/index.ts'
import { formatChange } from '../compare/wording.ts'
import type { ComparableRun } from '../../record/index.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'

/** The units of the baseline's own iterations, split at random into two halves. */
export interface ControlUnits {
  first: readonly ComparableRun[]
  second: readonly ComparableRun[]
}

/** What a duet finds where nothing differs: one process, one moment, one load. */
export interface Control {
  verdict: Verdict['verdict']
  /** Of all steps together. */
  intervals: { metric: string; ratio: number; ci: [number, number] }[]
  /** For people. */
  text: string
  /** The difference that should not be there. */
  failed?: VerdictRow
}

/**
 * Judges the control of a duet by the rules of its comparison. One that fails shows that these rules find
 * differences on this machine that do not exist. CPU time and counts are not judged: both halves are of one
 * process. Undefined without units.
 */
export function judgeControl({ first, second }: ControlUnits, rules: ComparisonOptions): Control | undefined {
  if (first.length === 0) return undefined
  const { verdict, rows } = compareRuns(first, second, rules)
  const intervals = ['p50Ms', 'p95Ms'].flatMap((metric) => {
    const row = rows.find((one) => one.step === null && one.metric === metric)
    return row?.ratio === undefined || row.ci === undefined ? [] : [{ metric, ratio: row.ratio, ci: row.ci }]
  })
  const failed = rows.find(({ status }) => status === 'fail')
  const shown = intervals.map(
    ({ metric, ratio, ci }) =>
      `${metric === 'p50Ms' ? 'p50' : 'p95'} ${formatChange(ratio)} (this machine, now: ±${halfWidth(ci)} %)`,
  )
  return {
    verdict,
    intervals,
    text: `control, two random halves of the baseline: ${shown.join(', ') || 'too little data'}`,
    ...(failed && { failed }),
  }
}

function halfWidth([low, high]: [number, number]): string {
  return (50 * (high - low)).toFixed(1)
}

/** A verdict whose control failed is no measurement: its rows stay, below the reason. */
export function applyControl(verdict: Verdict, control: Control | undefined): Verdict {
  if (control?.failed === undefined || verdict.verdict === 'invalid') return verdict
  const { step, metric, message } = control.failed
  const row: VerdictRow = {
    rule: 'control',
    step,
    metric,
    status: 'invalid',
    code: 'control-failed',
    message:
      `two random halves of the baseline's own requests differ (${message}): ` +
      'differences that this machine shows now need not be of the candidate',
  }
  return { ...verdict, verdict: 'invalid', rows: [row, ...verdict.rows] }
}
