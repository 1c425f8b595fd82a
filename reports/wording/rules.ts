import { amount, isMissingBudgets } from '../../baselines/index.ts'
import type { RowStatus, Unit, Verdict, VerdictRow } from '../../baselines/index.ts'
import { formatCount, notMeasured, cleanText } from './format.ts'

/** The statuses that keep a verdict from passing, worst first. */
const brokenStatuses: readonly RowStatus[] = ['fail', 'invalid', 'inconclusive']

/** Rows that keep a verdict from passing: first those that made it what it is, then the others, in their own order. */
export function listBrokenRows(verdict: Verdict): VerdictRow[] {
  const order = [verdict.verdict as RowStatus, ...brokenStatuses].filter((status) =>
    brokenStatuses.includes(status),
  )
  return verdict.rows
    .filter((row) => brokenStatuses.includes(row.status))
    .toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status))
}

/** Rows that could not be judged and were not asked to be: what a reader must not take for kept. */
export function listSkippedRows(verdict: Verdict): VerdictRow[] {
  return verdict.rows.filter((row) => row.status === 'skipped')
}

/** Where a row belongs: suite, then step. Empty when it speaks of everything, or when its message says so itself. */
export function formatLocation(row: VerdictRow): string {
  if (row.rule === 'probe') return ''
  return [row.suite, row.step]
    .filter((part) => part !== undefined && part !== null)
    .map((part) => cleanText(part, 80))
    .join(', ')
}

/** The rule with its value, and where: `p95 712 ms, budget < 500 ms, capacity, task-crud/list`; where comes first when there is more to say. */
export function formatRule(row: VerdictRow): string {
  const where = formatLocation(row)
  const message = cleanText(row.message)
  if (where === '') return message
  return message.includes(':') || row.limit === undefined ? `${where}: ${message}` : `${message}, ${where}`
}

const units: Record<string, { label: string; unit: Unit; atLeast?: true }> = {
  p50Ms: { label: 'p50', unit: 'ms' },
  p90Ms: { label: 'p90', unit: 'ms' },
  p95Ms: { label: 'p95', unit: 'ms' },
  p99Ms: { label: 'p99', unit: 'ms' },
  meanMs: { label: 'mean', unit: 'ms' },
  maxMs: { label: 'max', unit: 'ms' },
  errorRate: { label: 'errors', unit: 'ratio' },
  requestsPerMinute: { label: 'throughput', unit: 'perMinute', atLeast: true },
  rssBytes: { label: 'memory', unit: 'bytes' },
}

/** A row of a budget as figures, when it has both sides. */
export interface BudgetUse {
  row: VerdictRow
  label: string
  actual: string
  limit: string
  /** 1 is exactly the limit; over 1 is broken, also for limits that are minimums. Infinity when nothing was done of a minimum. */
  used: number
}

export function toBudgetUses(rows: readonly VerdictRow[]): BudgetUse[] {
  return rows.flatMap((row) => toBudgetUse(row) ?? [])
}

function toBudgetUse(row: VerdictRow): BudgetUse | undefined {
  const metric = Object.hasOwn(units, row.metric) ? units[row.metric] : undefined
  if (!metric || row.actual === undefined || row.limit === undefined) return undefined
  const { label, unit, atLeast } = metric
  return {
    row,
    label,
    actual: amount(unit, row.actual, row.limit),
    limit: `${atLeast ? '≥' : '<'} ${amount(unit, row.limit)}`,
    used: atLeast ? divide(row.limit, row.actual) : divide(row.actual, row.limit),
  }
}

function divide(part: number, whole: number): number {
  return part === 0 ? 0 : part / whole
}

/** How much of a budget is used: `84 %`, `12×`, or a dash for a minimum of which nothing was done. */
export function formatUse(used: number): string {
  if (!Number.isFinite(used)) return notMeasured
  return used < 10 ? `${Math.round(used * 100)} %` : `${formatCount(used)}×`
}

/** Of the budgets that were kept, the one nearest its limit: what breaks next. */
export function findNearestLimit(rows: readonly VerdictRow[]): BudgetUse | undefined {
  return toBudgetUses(rows.filter((row) => row.status === 'pass')).toSorted((a, b) => b.used - a.used)[0]
}

/** How many rows were judged and how many of them did not pass, as a sentence without its full stop. */
export function summarizeVerdict(verdict: Verdict): string {
  const judged = verdict.rows.filter((row) => row.status !== 'skipped')
  const parts = brokenStatuses
    .map((status) => ({ status, n: judged.filter((row) => row.status === status).length }))
    .filter(({ n }) => n > 0)
  if (judged.every(isMissingBudgets)) return 'nothing was judged'
  const skipped = verdict.rows.length - judged.length
  const more = skipped === 0 ? '' : `; ${skipped} not judged`
  if (parts.length === 0)
    return `${judged.length === 1 ? 'the one rule was kept' : `all ${judged.length} rules were kept`}${more}`
  const words: Partial<Record<RowStatus, string>> = {
    fail: 'broken',
    invalid: 'invalid',
    inconclusive: 'undecided',
  }
  return `${parts.map(({ status, n }) => `${n} ${words[status] ?? status}`).join(', ')} of ${judged.length} ${judged.length === 1 ? 'rule' : 'rules'}${more}`
}
