import type { ReportInput, RunReport } from '../input.ts'
import { formatFamilies, toLabelValue, metricNames, metrics } from './metrics.ts'
import { isWaived } from '../../baselines/accepted/index.ts'
import type { BaselineLevels } from '../../baselines/accepted/index.ts'
import type { Budgets } from '../../baselines/index.ts'
import { countOf } from '../../record/index.ts'
import type { Run, Totals } from '../../record/index.ts'
import { countAnswered } from '../wording/index.ts'
import type { Family, Sample, MetricName } from './metrics.ts'

/**
 * The runs as `metrics.prom`, in OpenMetrics and Prometheus text format. Without a run it is only the end
 * mark. Pure.
 */
export function openMetricsReport({ runs }: Pick<ReportInput, 'runs'>): string {
  return formatFamilies(toFamilies(runs))
}

/** The limit for Prometheus: more steps than this are a mistake in the config. */
const maxSteps = 500
const verdicts = ['pass', 'fail', 'inconclusive', 'invalid'] as const

type Labels = Record<string, string>
type Collect = (
  name: MetricName,
  labels: Labels,
  value: number | undefined,
  suffix?: Sample['suffix'],
) => void

/**
 * Runs as metric families in base units. Of runs with the same suite, environment and engine the last one is
 * used, because a series has one value. What was not measured has no series; a zero would be wrong.
 */
export function toFamilies(reports: readonly RunReport[]): Family[] {
  const samples = new Map<MetricName, Sample[]>()
  const collect: Collect = (name, labels, value, suffix) => {
    if (value === undefined || !Number.isFinite(value)) return
    const of = samples.get(name) ?? []
    of.push({ labels, value, ...(suffix && { suffix }) })
    samples.set(name, of)
  }
  for (const report of selectLatest(reports)) collectRun(report, collect)
  return metricNames.flatMap((name) => {
    const of = samples.get(name)
    return of ? [{ name, ...metrics[name], samples: of }] : []
  })
}

/** The labels of a run's group on a Pushgateway. */
export type GroupingLabels = {
  suite: string
  environment: string
  place: string
}

/** The labels that identify a run's series. */
export function seriesLabelsFor(run: Run): GroupingLabels & { engine: string } {
  return { ...groupingLabelsFor(run), engine: toLabelValue(run.engine) }
}

/**
 * The labels of a run's group on a Pushgateway: none that changes from run to run, and nothing of the
 * machine. A run on a replaced machine replaces the results of the machine before.
 */
export function groupingLabelsFor({ suite, environment }: Run): GroupingLabels {
  return {
    suite: toLabelValue(suite),
    environment: toOriginLabel(environment['name']),
    place: toOriginLabel(environment['place']),
  }
}

/** Records of other tools, and of earlier versions, do not name their environment and place. */
function toOriginLabel(name: unknown): string {
  return typeof name === 'string' ? toLabelValue(name) : 'default'
}

function selectLatest(reports: readonly RunReport[]): RunReport[] {
  return [...new Map(reports.map((report) => [JSON.stringify(seriesLabelsFor(report.run)), report])).values()]
}

function collectRun({ run, budgets, verdict, baseline }: RunReport, collect: Collect): void {
  const labels = seriesLabelsFor(run)
  collect(
    'vigil_run_info',
    {
      ...labels,
      run: toLabelValue(run.id),
      revision: toLabelValue(run.target.revision ?? ''),
      started: toLabelValue(run.startedAt),
      dirty: String(run.target.dirty ?? false),
      fingerprint: toLabelValue(run.environment.fingerprint),
    },
    1,
  )
  for (const word of verdicts)
    collect('vigil_run_verdict', { ...labels, verdict: word }, verdict.verdict === word ? 1 : 0)
  collect('vigil_run_started_timestamp_seconds', labels, Date.parse(run.startedAt) / 1000)
  collect('vigil_run_duration_seconds', labels, toSeconds(run.durationMs))
  collectTotals(labels, run.totals, countAnswered(run), collect)
  for (const [step, endpoint] of labelSteps(run.endpoints))
    collectTotals({ ...labels, step }, endpoint, countOf(endpoint.histogram), collect)
  collectFailures(run, labels, collect)
  collectBudgets(budgets, labels, collect)
  for (const [step, limits] of labelSteps(budgets.steps ?? {}))
    collectBudgets(limits, { ...labels, step }, collect)
  if (baseline) {
    collect('vigil_run_baseline_runs', labels, baseline.runs.length)
    collectLevels(baseline.overall, labels, collect)
    for (const [step, levels] of labelSteps(baseline.steps))
      collectLevels(levels, { ...labels, step }, collect)
  }
  const waivers = verdict.rows.filter(isWaived).length
  if (baseline || waivers > 0) collect('vigil_run_waived_losses', labels, waivers)
  collectResources(run, labels, collect)
}

function collectLevels(levels: BaselineLevels, labels: Labels, collect: Collect): void {
  collect('vigil_run_baseline_latency_p50_seconds', labels, toSeconds(levels.p50Ms))
  collect('vigil_run_baseline_latency_p95_seconds', labels, toSeconds(levels.p95Ms))
  collect('vigil_run_baseline_latency_p99_seconds', labels, toSeconds(levels.p99Ms))
  collect('vigil_run_baseline_latency_mean_seconds', labels, toSeconds(levels.meanMs))
  collect('vigil_run_baseline_error_ratio', labels, levels.errorRate)
  collect('vigil_run_baseline_requests_per_second', labels, levels.throughputRps)
}

/** Steps by the values of their label, which are bounded. */
export function labelSteps<T>(byStep: Record<string, T>): [string, T][] {
  return [
    ...new Map(
      Object.entries(byStep)
        .slice(0, maxSteps)
        .map(([step, value]) => [toStepLabel(step), value]),
    ),
  ]
}

// Prometheus takes an empty label for none at all: a step without a readable name must not pass for the
// whole run.
function toStepLabel(step: string): string {
  return toLabelValue(step) || '(unnamed)'
}

function collectTotals(labels: Labels, totals: Totals, answered: number, collect: Collect): void {
  collect('vigil_run_requests', labels, totals.requests)
  collect('vigil_run_errors', labels, totals.errors)
  collect('vigil_run_error_ratio', labels, totals.requests === 0 ? undefined : totals.errorRate)
  collect('vigil_run_requests_per_second', labels, totals.throughputRps)
  if (answered === 0) return
  const { meanMs, p50Ms, p90Ms, p95Ms, p99Ms, maxMs } = totals.latency
  const quantiles = [
    ['0.5', p50Ms],
    ['0.9', p90Ms],
    ['0.95', p95Ms],
    ['0.99', p99Ms],
    ['1.0', maxMs],
  ] as const
  for (const [quantile, ms] of quantiles) {
    collect('vigil_run_latency_seconds', { ...labels, quantile }, toSeconds(ms))
  }
  collect('vigil_run_latency_seconds', labels, toSeconds(meanMs * answered), '_sum')
  collect('vigil_run_latency_seconds', labels, answered, '_count')
  collect('vigil_run_latency_mean_seconds', labels, toSeconds(meanMs))
}

function collectFailures(run: Run, labels: Labels, collect: Collect): void {
  const counts = new Map<string, { labels: Labels; count: number }>()
  for (const failure of run.failures ?? []) {
    const own: Labels = {
      ...labels,
      ...(failure.step !== null && { step: toStepLabel(failure.step) }),
      class: failure.class,
    }
    const key = JSON.stringify(own)
    counts.set(key, { labels: own, count: (counts.get(key)?.count ?? 0) + failure.count })
  }
  for (const { labels: own, count } of [...counts.values()].slice(0, maxSteps))
    collect('vigil_run_failures', own, count)
}

function collectBudgets(budgets: Budgets, labels: Labels, collect: Collect): void {
  collect('vigil_run_budget_latency_p95_seconds', labels, toSeconds(budgets.p95Ms))
  collect('vigil_run_budget_latency_p99_seconds', labels, toSeconds(budgets.p99Ms))
  collect('vigil_run_budget_latency_mean_seconds', labels, toSeconds(budgets.meanMs))
  collect('vigil_run_budget_error_ratio', labels, budgets.errorRate)
  collect(
    'vigil_run_budget_requests_per_second',
    labels,
    budgets.requestsPerMinute === undefined ? undefined : roundTo15Digits(budgets.requestsPerMinute / 60),
  )
  collect('vigil_run_budget_resident_memory_bytes', labels, budgets.rssBytes)
}

function collectResources({ server, generator }: Run, labels: Labels, collect: Collect): void {
  collect('vigil_run_server_cpu_seconds_per_request', labels, toSeconds(server?.cpuMsPerRequest))
  collect('vigil_run_server_resident_memory_max_bytes', labels, server?.rssMaxBytes)
  collect('vigil_run_server_event_loop_p99_seconds', labels, toSeconds(server?.eventLoopP99Ms))
  collect('vigil_run_server_db_seconds_per_request', labels, toSeconds(server?.dbMsPerRequest))
  collect('vigil_run_server_statements_per_request', labels, server?.statementsPerRequest)
  collect('vigil_run_generator_cpu_ratio', labels, generator?.cpuRatio)
  collect('vigil_run_generator_event_loop_p99_seconds', labels, toSeconds(generator?.eventLoopP99Ms))
  collect('vigil_run_generator_dropped_arrivals', labels, generator?.droppedArrivals)
  collect('vigil_run_generator_offered_per_second', labels, generator?.offeredRps)
}

function toSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : roundTo15Digits(ms / 1000)
}

// Fifteen digits: enough for every record, and 0.0131 stays 0.0131 rather than 0.013100000000000002.
function roundTo15Digits(quotient: number): number {
  return Number(quotient.toPrecision(15))
}
