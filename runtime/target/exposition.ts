/** One sample of a Prometheus text exposition. */
export interface Sample {
  name: string
  labels: string
  value: number
}

/**
 * Reads the samples of the Prometheus text format (version 0.0.4, and OpenMetrics as far as samples go).
 * Comments, timestamps and exemplars are skipped, and so is any line that is not a sample: a target may write
 * anything.
 */
export function parseExposition(text: string): Sample[] {
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+(\S+)/.exec(line)
    const value =
      match?.[3] === undefined ? Number.NaN : Number(match[3].replace(/^([+-]?)Inf$/, '$1Infinity'))
    if (match?.[1] !== undefined && !Number.isNaN(value))
      samples.push({ name: match[1], labels: match[2] ?? '', value })
  }
  return samples
}

/** The sum of all series of a name; undefined when there is none, which differs from 0. */
export function sumOf(samples: readonly Sample[], name: string): number | undefined {
  const found = samples.filter((sample) => sample.name === name)
  return found.length === 0 ? undefined : found.reduce((sum, sample) => sum + sample.value, 0)
}

/**
 * Names of the service's own metrics that vigil reads, in one table. The first group is what Prometheus
 * client libraries export for every process. The second is an optional convention, not specific to any
 * service: one that exports metrics under these names has the figures in its run records, and one that does
 * not has the records without them.
 */
export const serviceMetrics = {
  cpuSeconds: 'process_cpu_seconds_total',
  residentBytes: 'process_resident_memory_bytes',
  eventLoopP99Seconds: 'nodejs_eventloop_lag_p99_seconds',
  requests: ['http_requests_total', 'http_request_duration_seconds_count'],

  databaseSeconds: 'db_query_duration_seconds_sum',
  statements: 'db_query_duration_seconds_count',
  /** Connections by `state`; those in use have the label `state="in_use"`. */
  poolConnections: 'db_pool_connections',
  /** Queries that wait for a connection. */
  poolWaiting: 'db_pool_waiting',
} as const
