import { createHash } from 'node:crypto'
import { toOneLine } from '../../record/index.ts'

/**
 * Every metric of a run's report with its type and help, in the order of the text. One table, because
 * Pushgateway refuses all pushes of a metric whose type or help differs between two groups.
 */
export const metrics = {
  vigil_run_info: { type: 'gauge', help: 'Facts of the latest run as labels; always 1.' },
  vigil_run_verdict: { type: 'gauge', help: '1 for the verdict of the latest run, 0 for the others.' },
  vigil_run_started_timestamp_seconds: {
    type: 'gauge',
    help: 'When the latest run began, in seconds since 1970.',
  },
  vigil_run_duration_seconds: { type: 'gauge', help: 'How long the latest run measured.' },
  vigil_run_requests: {
    type: 'gauge',
    help: 'Requests of the latest run, dropped arrivals included; without a step: of the whole run.',
  },
  vigil_run_errors: {
    type: 'gauge',
    help: 'Requests of the latest run that failed; without a step: of the whole run.',
  },
  vigil_run_error_ratio: {
    type: 'gauge',
    help: 'Errors over requests of the latest run, 0 to 1; without a step: of the whole run.',
  },
  vigil_run_requests_per_second: {
    type: 'gauge',
    help: 'Answered requests per second of the latest run; without a step: of the whole run.',
  },
  vigil_run_latency_seconds: {
    type: 'summary',
    help:
      'Latency of the latest run by quantile, 1 being the maximum; starts anew with each run, so rate() ' +
      'of its sum and count means nothing. Without a step: of the whole run.',
  },
  vigil_run_latency_mean_seconds: {
    type: 'gauge',
    help: 'Mean latency of the latest run; without a step: of the whole run.',
  },
  vigil_run_failures: {
    type: 'gauge',
    help:
      'Failed requests of the latest run by the class of their failure; ' +
      'without a step: arrivals that never became a request.',
  },
  vigil_run_budget_latency_p95_seconds: {
    type: 'gauge',
    help: 'Budget for the 95th percentile of latency: it must stay below.',
  },
  vigil_run_budget_latency_p99_seconds: {
    type: 'gauge',
    help: 'Budget for the 99th percentile of latency: it must stay below.',
  },
  vigil_run_budget_latency_mean_seconds: {
    type: 'gauge',
    help: 'Budget for the mean latency: it must stay below.',
  },
  vigil_run_budget_error_ratio: {
    type: 'gauge',
    help: 'Budget for errors over requests, 0 to 1: it must stay below.',
  },
  vigil_run_budget_requests_per_second: {
    type: 'gauge',
    help: 'Budget for answered requests per second: at least.',
  },
  vigil_run_budget_resident_memory_bytes: {
    type: 'gauge',
    help: 'Budget for the resident memory of the service: it must stay below.',
  },
  vigil_run_baseline_runs: {
    type: 'gauge',
    help: 'How many accepted runs the latest run was held against.',
  },
  vigil_run_baseline_latency_p50_seconds: {
    type: 'gauge',
    help: 'Median latency of the accepted runs; without a step: of the whole run.',
  },
  vigil_run_baseline_latency_p95_seconds: {
    type: 'gauge',
    help: '95th percentile of latency of the accepted runs; without a step: of the whole run.',
  },
  vigil_run_baseline_latency_p99_seconds: {
    type: 'gauge',
    help: '99th percentile of latency of the accepted runs; without a step: of the whole run.',
  },
  vigil_run_baseline_latency_mean_seconds: {
    type: 'gauge',
    help: 'Mean latency of the accepted runs; without a step: of the whole run.',
  },
  vigil_run_baseline_error_ratio: {
    type: 'gauge',
    help: 'Errors over requests of the accepted runs, 0 to 1; without a step: of the whole run.',
  },
  vigil_run_baseline_requests_per_second: {
    type: 'gauge',
    help: 'Answered requests per second of the accepted runs; without a step: of the whole run.',
  },
  vigil_run_waived_losses: {
    type: 'gauge',
    help: 'Losses that are accepted for a time in the suite of the latest run; its report names them.',
  },
  vigil_run_server_cpu_seconds_per_request: {
    type: 'gauge',
    help: 'CPU time of the service for each request of the latest run.',
  },
  vigil_run_server_resident_memory_max_bytes: {
    type: 'gauge',
    help: 'Most resident memory of the service during the latest run.',
  },
  vigil_run_server_event_loop_p99_seconds: {
    type: 'gauge',
    help: '99th percentile of the event loop delay of the service during the latest run.',
  },
  vigil_run_server_db_seconds_per_request: {
    type: 'gauge',
    help: 'Database time for each request of the latest run.',
  },
  vigil_run_server_statements_per_request: {
    type: 'gauge',
    help: 'SQL statements for each request of the latest run.',
  },
  vigil_run_generator_cpu_ratio: {
    type: 'gauge',
    help: 'CPU time of the load generator over what it could have used, 0 to 1.',
  },
  vigil_run_generator_event_loop_p99_seconds: {
    type: 'gauge',
    help: '99th percentile of the event loop delay of the load generator.',
  },
  vigil_run_generator_dropped_arrivals: {
    type: 'gauge',
    help: 'Arrivals that never became a request because the generator had no free user.',
  },
  vigil_run_generator_offered_per_second: {
    type: 'gauge',
    help: 'Requests per second that the latest run was to make.',
  },
} as const satisfies Record<string, { type: 'gauge' | 'summary'; help: string }>

export type MetricName = keyof typeof metrics

/** In the order of the text; typed, since Object.keys forgets which keys they are. */
export const metricNames = Object.keys(metrics).filter((name): name is MetricName =>
  Object.hasOwn(metrics, name),
)

/** A metric family as data. */
export interface Family {
  name: string
  help: string
  /** A `summary` has quantiles computed before, with sum and count; no metric of a run is a counter. */
  type: 'gauge' | 'summary'
  samples: Sample[]
}

export interface Sample {
  labels: Record<string, string>
  value: number
  /** Of a summary's sum and count. */
  suffix?: '_sum' | '_count'
}

const maxLabelLength = 120

/**
 * The value of a label: one line of at most 120 characters. A longer one is cut and ends in a digest of the
 * full text, so that two long names remain two series.
 */
export function toLabelValue(text: string): string {
  const characters = [...toOneLine(text, Infinity)]
  if (characters.length <= maxLabelLength) return characters.join('')
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8)
  return `${characters.slice(0, maxLabelLength - 9).join('')}~${digest}`
}

/**
 * The families as text in both OpenMetrics 1.0 and Prometheus 0.0.4 format: no blank lines, and units and an
 * end mark that the second format reads as comments.
 */
export function formatFamilies(families: readonly Family[]): string {
  const lines = families.flatMap(({ name, help, type, samples }) => [
    `# TYPE ${name} ${type}`,
    ...unitsFor(name).map((unit) => `# UNIT ${name} ${unit}`),
    `# HELP ${name} ${escapeText(help)}`,
    ...samples.map((sample) => formatSample(name, sample)),
  ])
  return [...lines, '# EOF', ''].join('\n')
}

// OpenMetrics wants a family's unit to be the end of its name; `_per_request` and counts have none.
function unitsFor(name: string): string[] {
  return ['seconds', 'bytes', 'ratio'].filter((unit) => name.endsWith(`_${unit}`))
}

function formatSample(name: string, { labels, value, suffix }: Sample): string {
  const written = Object.entries(labels).map(([key, text]) => `${key}="${escapeText(text)}"`)
  return `${name}${suffix ?? ''}${written.length > 0 ? `{${written.join(',')}}` : ''} ${formatNumber(value)}`
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return String(value)
}
