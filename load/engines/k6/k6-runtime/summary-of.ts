import { clientLimits, metricNames, percentileName, quantileGrid, requestFailureClasses } from './wire.ts'
import type {
  ClientLimit,
  RequestFailureClass,
  ScriptPlan,
  ScriptSummary,
  SummaryStep,
  SummaryTrend,
} from './wire.ts'

/** What k6 hands to `handleSummary`, as far as we look at it: the same in 1.x and 2.x. */
export interface K6Summary {
  metrics: Record<string, { values: Record<string, number> } | undefined>
}

/** Runs inside k6: the figures of the measurement, without those of every metric that nobody reads. */
export function summaryOf(plan: ScriptPlan, data: K6Summary): ScriptSummary {
  return {
    nonce: plan.nonce,
    dropped: countOf(data, metricNames.dropped),
    warmups: countOf(data, metricNames.warmups),
    users: data.metrics[metricNames.users]?.values['max'] ?? 0,
    lateness: trendOf(data, metricNames.lateness),
    iterations: trendOf(data, metricNames.iterations),
    limits: limitsOf(data),
    steps: plan.steps.map((_, step) => stepOf(data, step)),
    complete: true,
  }
}

function stepOf(data: K6Summary, step: number): SummaryStep {
  const failed: Partial<Record<RequestFailureClass, number>> = {}
  for (const failure of requestFailureClasses) {
    const count = countOf(data, metricNames.failedAt(step, failure))
    if (count > 0) failed[failure] = count
  }
  return {
    latency: trendOf(data, metricNames.latency(step)),
    unanswered: countOf(data, metricNames.unansweredAt(step)),
    failed,
  }
}

function limitsOf(data: K6Summary): Record<ClientLimit, number> {
  const [files, ports] = clientLimits
  return { files: countOf(data, metricNames.limit(files)), ports: countOf(data, metricNames.limit(ports)) }
}

function countOf(data: K6Summary, metric: string): number {
  return data.metrics[metric]?.values['count'] ?? 0
}

function trendOf(data: K6Summary, metric: string): SummaryTrend | null {
  const values = data.metrics[metric]?.values
  if (values === undefined || !values['count']) return null
  const { count = 0, avg = 0, min = 0, max = 0 } = values
  return {
    count,
    avg,
    min,
    max,
    quantiles: quantileGrid().map((percent) => values[percentileName(percent)] ?? Number.NaN),
  }
}
