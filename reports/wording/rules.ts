import { amount, isMissingBudgets } from '../../baselines/index.ts'
import type { RowStatus, Unit, Verdict, VerdictRow } from '../../baselines/index.ts'
import { formatCount, notMeasured, cleanText } from './format.ts'

/** The statuses that keep a verdict from passing, worst first. */
const brokenStatuses: readonly RowStatus[] = ['fail', 'invalid', 'inconclusive']

/**
 * Rows that keep a verdict from passing: first those with the verdict's own status, then the others, in row
 * order.
 */
export function listBrokenRows(verdict: Verdict): VerdictRow[] {
  const order = [verdict.verdict as RowStatus, ...brokenStatuses].filter((status) =>
    brokenStatuses.includes(status),
  )
  return verdict.rows
    .filter((row) => brokenStatuses.includes(row.status))
    .toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status))
}

/** Rows that were skipped. A report lists them, so that a reader does not take them for passed. */
export function listSkippedRows(verdict: Verdict): VerdictRow[] {
  return verdict.rows.filter((row) => row.status === 'skipped')
}

/**
 * The suite and step of a row. Empty when it concerns the whole verdict, or when its message names the
 * probe.
 */
export function formatLocation(row: VerdictRow): string {
  if (row.rule === 'probe') return ''
  return [row.suite, row.step]
    .filter((part) => part !== undefined && part !== null)
    .map((part) => cleanText(part, 80))
    .join(', ')
}

/**
 * The message of a row and its location: `p95 712 ms, budget < 500 ms, capacity, checkout/pay`. The
 * location comes first when the message continues after a colon.
 */
export function formatRule(row: VerdictRow): string {
  const location = formatLocation(row)
  const message = cleanText(row.message)
  if (location === '') return message
  return message.includes(':') || row.limit === undefined
    ? `${location}: ${message}`
    : `${message}, ${location}`
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

/** A row of a budget that has both an actual value and a limit, formatted. */
export interface BudgetUse {
  row: VerdictRow
  label: string
  actual: string
  limit: string
  /**
   * 1 is exactly the limit. Over 1 is broken, for minimums too. Infinity: a minimum of which nothing was
   * reached.
   */
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

function divide(part: number, total: number): number {
  return part === 0 ? 0 : part / total
}

/** How much of a budget is used: `84 %`, `12×`, or a dash for a minimum of which nothing was reached. */
export function formatUse(used: number): string {
  if (!Number.isFinite(used)) return notMeasured
  return used < 10 ? `${Math.round(used * 100)} %` : `${formatCount(used)}×`
}

/** The passed budget that is nearest its limit, and so breaks next. */
export function findNearestLimit(rows: readonly VerdictRow[]): BudgetUse | undefined {
  return toBudgetUses(rows.filter((row) => row.status === 'pass')).toSorted((a, b) => b.used - a.used)[0]
}

const statusWords: Partial<Record<RowStatus, string>> = { fail: 'failed' }

/** The number of checks by status, as a sentence without its full stop: `2 of 9 checks failed, 1 skipped`. */
export function summarizeVerdict(verdict: Verdict): string {
  const judged = verdict.rows.filter((row) => row.status !== 'skipped')
  if (judged.every(isMissingBudgets)) return 'nothing was judged'
  const skipped = verdict.rows.length - judged.length
  const [first, ...others] = brokenStatuses
    .map((status) => ({
      word: statusWords[status] ?? status,
      count: judged.filter((row) => row.status === status).length,
    }))
    .filter(({ count }) => count > 0)
  const checks = `${judged.length} ${judged.length === 1 ? 'check' : 'checks'}`
  return [
    first
      ? `${first.count} of ${checks} ${first.word}`
      : `${judged.length === 1 ? '' : 'all '}${checks} passed`,
    ...others.map(({ word, count }) => `${count} ${word}`),
    ...(skipped === 0 ? [] : [`${skipped} skipped`]),
  ].join(', ')
}
