import { sendRequest } from '../../journeys/client/index.ts'

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

/** Where a service reports its metrics; without a path it does not. */
export interface MetricsSource {
  url: string
  path: string | undefined
  token: string | undefined
}

/** `refused`: by its status, the service will not report them however often it is asked. */
export type MetricsAnswer =
  | { state: 'ok'; text: string }
  | { state: 'failed'; status: number; reason: string }
  | { state: 'unavailable' }

const maxMetricsBytes = 8 * 2 ** 20

/** Answers that are of the moment: the service is busy, or asks to come again. */
const passing = new Set([408, 425, 429])

export async function requestMetrics(
  { url, path, token }: MetricsSource,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<MetricsAnswer> {
  if (path === undefined) return { state: 'unavailable' }
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const result = await sendRequest(
    url,
    { method: 'GET', path, headers, body: undefined },
    { ...limits, maxBodyBytes: maxMetricsBytes, purpose: 'metrics' },
  )
  if (result.state !== 'ok') return { state: 'unavailable' }
  const { status, text } = result.response
  if (status === 200) return { state: 'ok', text }
  return status >= 300 && status < 500 && !passing.has(status)
    ? { state: 'failed', status, reason: describeRefusal(path, status, token !== undefined) }
    : { state: 'unavailable' }
}

function describeRefusal(path: string, status: number, hasToken: boolean): string {
  const advice =
    status === 401 || status === 403
      ? `${hasToken ? 'correct' : 'set'} VIGIL_METRICS_TOKEN`
      : 'correct the path in target.metrics'
  return `target.metrics: ${path} answered ${status}, expected 200: ${advice}, or remove target.metrics`
}
