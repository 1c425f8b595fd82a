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

/** What a reading shows of the process (or the processes) that answered it. */
export interface AnsweringProcess {
  /** By labels, in seconds since 1970. */
  starts: ReadonlyMap<string, number>
  /** Labels of the series that exist once for each process or instance. */
  instances: string
}

const startTime = 'process_start_time_seconds'
const onceForEachProcess = new Set([startTime, serviceMetrics.cpuSeconds, 'target_info'])

export function findAnsweringProcess(samples: readonly Sample[]): AnsweringProcess {
  const own = samples.filter(({ name }) => onceForEachProcess.has(name))
  return {
    starts: new Map(own.filter(({ name }) => name === startTime).map(({ labels, value }) => [labels, value])),
    instances: JSON.stringify(own.map(({ name, labels }) => `${name}{${labels}}`).toSorted()),
  }
}

/**
 * Whether two readings can be of one process, so that its counters can be subtracted: several processes may
 * answer behind one URL, and one that was restarted counts from zero again.
 */
export function isSameProcess(one: AnsweringProcess, other: AnsweringProcess): boolean {
  return (
    one.instances === other.instances &&
    [...one.starts].every(([labels, seconds]) => isSameStart(seconds, other.starts.get(labels) ?? Number.NaN))
  )
}

// The kernel's boot time, from which a client library with hundredths of seconds computes its start, moves by
// a second when the clock is adjusted.
function isSameStart(one: number, other: number): boolean {
  const apart = Math.abs(one - other)
  return apart < 0.001 || (Math.abs(apart - 1) < 0.001 && !Number.isInteger(one) && !Number.isInteger(other))
}
