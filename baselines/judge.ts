import type { ReasonCode } from './reasons.ts'
import { isMostlyFailed, toVerdictWord } from './verdict.ts'
import type { Verdict, VerdictRow } from './verdict.ts'
import { amount } from './wording.ts'
import { certaintyAlpha, isCertainlyAbove, ruleOfThree, samplesBeyond } from './samples.ts'
import { judgeScriptLimits } from './script-limits.ts'
import type { ScriptLimits } from './script-limits.ts'
import { countOf } from '../record/index.ts'
import type { Histogram, Run, Totals } from '../record/index.ts'

/** One slow request decides a mean of fewer. */
const samplesForMean = 30

/** The metric of the row that stands in a verdict when there was no budget to judge. */
const missingBudgets = 'budgets'

type Finding = Pick<VerdictRow, 'status' | 'actual' | 'limit' | 'needed' | 'message'> & { code?: ReasonCode }

/** What is judged: an overall run or one step of it. `histogram` holds its answered requests. */
interface Subject {
  name: string
  step: string | null
  totals: Totals
  histogram: Histogram
  rssMaxBytes?: number | undefined
  /** The target failed before the load began: only that is known. */
  neverBegan?: boolean
}

/** Judges a run against its budgets. Pure: the same record and budgets always give the same verdict. */
export function judgeRun(run: Run, budgets: Budgets): Verdict {
  const rows = run.validity.valid ? judgeBudgets(run, budgets) : invalidRows(run)
  return { schema: 'vigil.verdict/1', verdict: toVerdictWord(rows), rows, run: run.id }
}

function invalidRows(run: Run): VerdictRow[] {
  const reasons =
    run.validity.reasons.length > 0
      ? run.validity.reasons
      : ['the record is marked invalid and gives no reason: measure again']
  const { codes = [] } = run.validity
  return reasons.map((message, index) => ({
    rule: 'validity',
    suite: run.suite,
    step: null,
    metric: 'validity',
    status: 'invalid',
    ...(codes[index] !== undefined && { code: codes[index] }),
    message,
  }))
}

function judgeBudgets(run: Run, budgets: Budgets): VerdictRow[] {
  if (run.totals.requests === 0)
    return [
      buildRow(run, null, 'requests', {
        status: 'invalid',
        code: 'nothing-measured',
        actual: 0,
        message: 'no request was made: nothing was measured; look at the target and the load plan',
      }),
    ]
  const overall: Subject = {
    name: run.suite,
    step: null,
    totals: run.totals,
    histogram: overallHistogram(run),
    rssMaxBytes: run.server?.rssMaxBytes,
    neverBegan: run.durationMs === 0,
  }
  const rows = [
    ...scriptRows(run),
    ...judgeSubject(run, overall, budgets),
    ...judgeScriptLimits(run, budgets),
  ]
  for (const [step, limits] of Object.entries(budgets.steps ?? {})) rows.push(...judgeStep(run, step, limits))
  // A fail is certain without them, and says more.
  if (!rows.some(({ status }) => status === 'fail')) rows.push(...failedRequestRows(run, overall, budgets))
  if (rows.length > 0) return rows
  return [
    buildRow(run, null, missingBudgets, {
      status: 'inconclusive',
      code: 'no-budgets',
      message:
        `no budget is set for suite ${run.suite}: measured, but there is nothing to judge; set budgets ` +
        'in the config',
    }),
  ]
}

/**
 * Rows on a run, and on steps with a budget, of which most requests failed. Without a budget for errors,
 * short latencies of failures would pass. An `errorRate` that was set is the user's own answer.
 */
function failedRequestRows(run: Run, overall: Subject, budgets: Budgets): VerdictRow[] {
  const steps = Object.entries(budgets.steps ?? {}).flatMap(([step, limits]) => {
    const totals = run.endpoints[step]
    return totals === undefined ? [] : [{ name: step, step, totals, limits }]
  })
  return [{ ...overall, limits: budgets }, ...steps]
    .filter(({ totals, limits }) => limits.errorRate === undefined && isMostlyFailed(totals))
    .map(({ name, step, totals }) =>
      buildRow(run, step, 'errorRate', {
        status: 'invalid',
        code: 'mostly-failed',
        actual: totals.errorRate,
        message:
          `${totals.errors} of ${totals.requests} requests to ${name} failed: the other figures describe ` +
          'failures, not the service; look at the failures of this run, or set an errorRate budget',
      }),
    )
}

/**
 * Whether a row only reports that its suite has no budgets: it was measured, and more load would decide
 * nothing.
 */
export function isMissingBudgets({ rule, metric }: VerdictRow): boolean {
  return rule === 'budget' && metric === missingBudgets
}

// The script's own thresholds and judgement are the user's limits as much as budgets are.
function scriptRows(run: Run): VerdictRow[] {
  const toRow = (rule: string, message: string): VerdictRow => ({
    rule,
    suite: run.suite,
    step: null,
    metric: rule,
    status: 'fail',
    message,
  })
  return [
    ...(run.crossedThresholds ?? []).map((words) => toRow('threshold', `the script's own ${words}`)),
    ...(run.markedFailed ?? []).map((why) => toRow('script', `the script marked the run as failed: ${why}`)),
  ]
}

function overallHistogram(run: Run): Histogram {
  return Object.values(run.endpoints).flatMap((endpoint) => endpoint.histogram)
}

function judgeStep(run: Run, step: string, limits: Budgets): VerdictRow[] {
  const endpoint = run.endpoints[step]
  if (endpoint && endpoint.requests > 0)
    return judgeSubject(run, { name: step, step, totals: endpoint, histogram: endpoint.histogram }, limits)
  const known = Object.keys(run.endpoints).join(', ') || 'none'
  return [
    buildRow(run, step, 'requests', {
      status: 'invalid',
      code: 'step-not-requested',
      actual: 0,
      message: `${step} has a budget but was never requested (steps in this run: ${known})`,
    }),
  ]
}

const judges = {
  p95Ms: (subject: Subject, limit: number) =>
    judgeQuantile(subject, 'p95', 0.95, subject.totals.latency.p95Ms, limit),
  p99Ms: (subject: Subject, limit: number) =>
    judgeQuantile(subject, 'p99', 0.99, subject.totals.latency.p99Ms, limit),
  meanMs: judgeMean,
  errorRate: judgeErrorRate,
  requestsPerMinute: judgeThroughput,
  rssBytes: judgeMemory,
} as const

function judgeSubject(run: Run, subject: Subject, budgets: Budgets): VerdictRow[] {
  const rows: VerdictRow[] = []
  for (const metric of ['p95Ms', 'meanMs', 'p99Ms', 'errorRate', 'requestsPerMinute', 'rssBytes'] as const) {
    const limit = budgets[metric]
    if (limit !== undefined)
      rows.push(buildRow(run, subject.step, metric, { limit, ...judges[metric](subject, limit) }))
  }
  return rows
}

function buildRow(run: Run, step: string | null, metric: string, finding: Finding): VerdictRow {
  return { rule: 'budget', suite: run.suite, step, metric, ...finding }
}

/**
 * p < limit. The share of samples at or over the limit is binomial with at most 1 − q while the budget holds.
 */
function judgeQuantile(subject: Subject, label: string, q: number, actual: number, limit: number): Finding {
  const n = countOf(subject.histogram)
  if (n === 0) return unansweredFinding(subject, label)
  const rule = `${label} ${amount('ms', actual, limit)}, budget < ${amount('ms', limit)}`
  const needed = Math.ceil(samplesBeyond / (1 - q) - 1e-9)
  if (n >= needed) return { actual, status: actual < limit ? 'pass' : 'fail', message: rule }
  const over = subject.histogram.reduce((sum, [upperMs, count]) => (upperMs >= limit ? sum + count : sum), 0)
  if (isCertainlyAbove(over, n, 1 - q, certaintyAlpha))
    return {
      actual,
      status: 'fail',
      message: `${rule}: exceeded (statistically certain) already with ${formatAnswers(n)}`,
    }
  return {
    actual,
    status: 'inconclusive',
    needed,
    message:
      `${rule}: ${formatAnswers(n)}, ${needed} are needed to judge ${label}; load longer or at a ` +
      'higher rate',
  }
}

function judgeMean(subject: Subject, limit: number): Finding {
  const n = countOf(subject.histogram)
  if (n === 0) return unansweredFinding(subject, 'mean')
  const actual = subject.totals.latency.meanMs
  const rule = `mean ${amount('ms', actual, limit)}, budget < ${amount('ms', limit)}`
  if (n >= samplesForMean) return { actual, status: actual < limit ? 'pass' : 'fail', message: rule }
  // Without a model of the tail the only certain statement about a few samples is that even the fastest is
  // over the limit.
  const fastest = subject.histogram.find(([, count]) => count > 0)?.[0] ?? 0
  if (fastest >= limit && 0.5 ** n < certaintyAlpha)
    return { actual, status: 'fail', message: `${rule}: every one of ${formatAnswers(n)} was over it` }
  return {
    actual,
    status: 'inconclusive',
    needed: samplesForMean,
    message:
      `${rule}: ${formatAnswers(n)}, ${samplesForMean} are needed to judge a mean; load longer or at a ` +
      'higher rate',
  }
}

function judgeErrorRate(subject: Subject, limit: number): Finding {
  const { requests, errors, errorRate: actual } = subject.totals
  if (limit === 0)
    return {
      actual,
      status: errors === 0 ? 'pass' : 'fail',
      message: `${errors} errors in ${requests} requests, budget none`,
    }
  const rule =
    `error rate ${amount('ratio', actual, limit)} (${errors} of ${requests}), budget < ` +
    amount('ratio', limit)
  const needed = Math.ceil(ruleOfThree / limit - 1e-9)
  if (requests >= needed) return { actual, status: actual < limit ? 'pass' : 'fail', message: rule }
  if (isCertainlyAbove(errors, requests, limit, certaintyAlpha))
    return { actual, status: 'fail', message: `${rule}: exceeded (statistically certain)` }
  return {
    actual,
    status: 'inconclusive',
    needed,
    message: `${rule}: ${needed} requests are needed to judge it; load longer or at a higher rate`,
  }
}

function judgeThroughput(subject: Subject, limit: number): Finding {
  const actual = subject.totals.throughputRps * 60
  return {
    actual,
    status: actual >= limit ? 'pass' : 'fail',
    message: `${amount('perMinute', actual, limit)} answered, budget ≥ ${amount('perMinute', limit)}`,
  }
}

function judgeMemory(subject: Subject, limit: number): Finding {
  const actual = subject.rssMaxBytes
  if (actual === undefined && subject.neverBegan)
    return { status: 'skipped', message: 'memory not judged: the load never began' }
  if (actual === undefined)
    return {
      status: 'invalid',
      code: 'memory-not-measured',
      message:
        `memory was not measured, budget < ${amount('bytes', limit)}: set target.metrics to the path ` +
        `of the service's Prometheus metrics, or drop the budget`,
    }
  return {
    actual,
    status: actual < limit ? 'pass' : 'fail',
    message: `memory ${amount('bytes', actual, limit)} at most, budget < ${amount('bytes', limit)}`,
  }
}

// Without an answer there is no latency to judge; the error rate and the throughput fail for it.
function unansweredFinding({ name, totals }: Subject, label: string): Finding {
  return {
    status: 'skipped',
    message: `${label} not judged: none of ${totals.requests} requests to ${name} was answered`,
  }
}

function formatAnswers(n: number): string {
  return n === 1 ? '1 answer' : `${n} answers`
}

/**
 * Absolute limits: all are upper bounds but `requestsPerMinute`, which is a lower one. `steps` by
 * `journey/step`.
 */
export interface Budgets extends ScriptLimits {
  p95Ms?: number
  meanMs?: number
  p99Ms?: number
  /** 0..1 */
  errorRate?: number
  requestsPerMinute?: number
  rssBytes?: number
  steps?: Record<string, Budgets>
}
