import { amount, isMissingBudgets } from '../../baselines/index.ts'
import type { RowStatus, Unit, Verdict, VerdictRow } from '../../baselines/index.ts'
import { formatCount, notMeasured, cleanText, countAnswered, formatDuration, formatRate } from './format.ts'
import { countOf } from '../../record/index.ts'
import type { Run, Totals } from '../../record/index.ts'
import type { RunReport } from '../input.ts'

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
    ...(verdict.verdict === 'pass' ? findBlindSpot(verdict.rows) : []),
  ].join(', ')
}

/**
 * What a pass cannot rule out, where that is more than its margin: the largest of the overall latencies. A
 * reader of the headline must not take a noisy pass for "nothing became slower".
 */
function findBlindSpot(rows: readonly VerdictRow[]): string[] {
  const blind = rows.filter(
    ({ step, metric, detectable, margin }) =>
      step === null &&
      /^p\d+Ms$/.test(metric) &&
      detectable !== undefined &&
      margin !== undefined &&
      detectable - 1 > margin,
  )
  const largest = Math.max(...blind.map(({ detectable = 1 }) => detectable - 1))
  return blind.length === 0 ? [] : [`cannot rule out a slowdown below ${amount('ratio', largest)}`]
}

/** The run on one line: requests, rate, p95, errors, duration and revision. */
export function describeTotals(run: Run): string {
  const { totals, target, durationMs } = run
  const answered = countAnswered(run)
  return [
    `${formatCount(totals.requests)} requests`,
    `${formatRate(totals.throughputRps)} req/s`,
    ...(answered === 0 ? [] : [`p95 ${amount('ms', totals.latency.p95Ms)}`]),
    `errors ${totals.requests === 0 ? notMeasured : amount('ratio', totals.errorRate)}`,
    formatDuration(durationMs),
    ...(target.revision === undefined
      ? []
      : [`revision ${shortRevision(target.revision)}${target.dirty ? ' with uncommitted changes' : ''}`]),
  ].join(', ')
}

/** A commit is named by its first twelve digits, anything else as it is. */
export function shortRevision(revision: string): string {
  return /^[0-9a-f]{40}$/.test(revision) ? revision.slice(0, 12) : cleanText(revision, 40)
}

/** Steps over a limit of the whole suite, and that limit; a step with a limit of its own is judged by it. */
export interface ExceededSteps {
  /** Cleaned names, as `toStepFigures` has them. */
  steps: ReadonlySet<string>
  /** `p95 < 500 ms, mean < 200 ms`; empty when no step is over any. */
  limits: string
}

const stepLimits = [
  { key: 'p95Ms', label: 'p95', unit: 'ms', read: ({ latency }: Totals) => latency.p95Ms },
  { key: 'meanMs', label: 'mean', unit: 'ms', read: ({ latency }: Totals) => latency.meanMs },
  { key: 'p99Ms', label: 'p99', unit: 'ms', read: ({ latency }: Totals) => latency.p99Ms },
  { key: 'errorRate', label: 'errors', unit: 'ratio', read: ({ errorRate }: Totals) => errorRate },
] as const

export function findExceededSteps({ run, budgets }: RunReport): ExceededSteps {
  const exceeded = stepLimits.flatMap(({ key, label, unit, read }) => {
    const steps = Object.entries(run.endpoints).flatMap(([name, step]) => {
      const limit = budgets.steps?.[name]?.[key] ?? budgets[key]
      const isAnswered = unit === 'ratio' || countOf(step.histogram) > 0
      return limit !== undefined && isAnswered && step.requests > 0 && read(step) >= limit
        ? [{ name: cleanText(name), limit: `${label} < ${amount(unit, limit)}` }]
        : []
    })
    return steps
  })
  return {
    steps: new Set(exceeded.map(({ name }) => name)),
    limits: [...new Set(exceeded.map(({ limit }) => limit))].slice(0, 4).join(', '),
  }
}

/** How small a slowdown could have been missed by a run that passed; undefined when it did not pass. */
export function describeCertainty({ run, verdict, baseline, noise }: RunReport): string | undefined {
  if (verdict.verdict !== 'pass') return undefined
  const detectable = Object.entries(noise?.metrics.p95Ms.detectable ?? {})
    .map(([seconds, share]) => ({ seconds: Number(seconds), share }))
    .toSorted((a, b) => a.seconds - b.seconds)
  const seen = detectable.findLast(({ seconds }) => seconds * 1000 <= run.durationMs) ?? detectable[0]
  const budgetsOnly =
    baseline === undefined ? '; without accepted runs, only what breaks a budget is a failure' : ''
  return seen === undefined
    ? `how small a slowdown can be seen on this machine is not known${budgetsOnly}; measure it: ` +
        'vigil doctor --noise'
    : `a slowdown below ${amount('ratio', seen.share)} at p95 would not have been seen ` +
        `(measured here by vigil doctor --noise, ${seen.seconds} s)${budgetsOnly}`
}
