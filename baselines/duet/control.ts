import { compareRuns } from '../compare/index.ts'
import type { ComparisonOptions } from '../compare/index.ts'
import { judgeDuet } from './judge.ts'
import type { DuetRules } from './judge.ts'
import type { DuetUnits } from './units.ts'
import { formatChange } from '../compare/wording.ts'
import type { ComparableRun } from '../../record/index.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'

/** The units of the baseline's own iterations, split at random into two halves. */
export interface ControlUnits {
  first: readonly ComparableRun[]
  second: readonly ComparableRun[]
}

/** What a duet finds where nothing differs. */
export interface Control {
  /** Random halves of the requests of one process, or two processes of the same code. */
  kind: 'halves' | 'processes'
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
  return toControl('halves', compareRuns(first, second, rules))
}

/**
 * Judges a second copy of the baseline as a candidate, by the rules of the duet, CPU time included: two
 * processes of one code differ by a per cent or two in everything. Undefined without units.
 */
export function judgeProcessControl(units: DuetUnits, rules: DuetRules): Control | undefined {
  return units.baseline.length === 0 ? undefined : toControl('processes', judgeDuet(units, rules))
}

const names: Record<string, string> = { p50Ms: 'p50', p95Ms: 'p95', cpuMsPerRequest: 'CPU per request' }
const subjects: Record<Control['kind'], string> = {
  halves: 'two random halves of the baseline',
  processes: 'two processes of the baseline',
}

function toControl(kind: Control['kind'], { verdict, rows }: Verdict): Control {
  const intervals = Object.keys(names).flatMap((metric) => {
    const row = rows.find((one) => one.step === null && one.metric === metric)
    return row?.ratio === undefined || row.ci === undefined ? [] : [{ metric, ratio: row.ratio, ci: row.ci }]
  })
  const failed = rows.find(({ status }) => status === 'fail')
  const shown = intervals.map(
    ({ metric, ratio, ci }) =>
      `${names[metric] ?? metric} ${formatChange(ratio)} (this machine, now: ±${halfWidth(ci)} %)`,
  )
  return {
    kind,
    verdict,
    intervals,
    text: `${subjects[kind]}: ${shown.join(', ') || 'too little data'}`,
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
  const differing =
    control.kind === 'halves'
      ? "two random halves of the baseline's own requests differ"
      : 'two processes of the baseline differ'
  const row: VerdictRow = {
    rule: 'control',
    step,
    metric,
    status: 'invalid',
    code: 'control-failed',
    message: `${differing} (${message}), which need not be the candidate's doing: this machine shows it now`,
  }
  return { ...verdict, verdict: 'invalid', rows: [row, ...verdict.rows] }
}
