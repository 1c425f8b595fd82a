import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { OpenMetricsContentType } from 'prom-client'
import type { Scope, ServerObserver } from '../http/index.ts'
import type { Log } from './logs.ts'
import type { Spans } from './tracing/spans.ts'

const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10]
const querySeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5]
const jobSeconds = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300]

/** All metrics of the service. Labels contain only routes and classes, never text from a caller. */
export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics() {
  const registry: OpenMetricsRegistry = new Registry()
  // Exemplars exist in this format only.
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  collectDefaultMetrics({ register: registry })
  return { registry, ...createInstruments(registry), ...createObservedGauges(registry) }
}

type OpenMetricsRegistry = Registry<OpenMetricsContentType>

function createInstruments(registry: OpenMetricsRegistry) {
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers })
  const histogram = <L extends string>(name: string, help: string, buckets: number[], ...labelNames: L[]) =>
    new Histogram({ name, help, labelNames, buckets, registers })
  const queryTime = 'Time of a query, without the wait for a connection'
  const failures = 'Connections that were refused, were lost or did not answer'
  const attempts = 'Registrations, logins and refreshes'
  const bulkTime = 'Time of a bulk operation'
  const bulkSizes = [1, 2, 5, 10, 20, 50, 100, 200, 500]
  const denied = 'Requests without a valid token, or for data of another user'
  return {
    httpRequests: counter('http_requests_total', 'Answered requests', 'method', 'route', 'status'),
    httpSeconds: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the request head to the last byte of the answer',
      labelNames: ['method', 'route', 'status', 'trace_id'],
      buckets: requestSeconds,
      enableExemplars: true,
      registers,
    }),
    httpInFlight: gauge('http_requests_in_flight', 'Requests being answered'),
    httpConnections: gauge('http_connections_active', 'Open client connections'),
    dbSeconds: histogram('db_query_duration_seconds', queryTime, querySeconds, 'query'),
    dbErrors: counter('db_connection_errors_total', failures),
    cacheRequests: counter(
      'cache_requests_total',
      'Reads from the cache, by hit and miss',
      'cache',
      'result',
    ),
    jobSeconds: histogram('job_duration_seconds', 'Time of a background job', jobSeconds, 'queue', 'outcome'),
    authAttempts: counter('auth_attempts_total', attempts, 'action', 'result', 'reason'),
    lockouts: counter('auth_lockouts_total', 'Accounts locked after failed logins'),
    tokenFailures: counter('auth_token_failures_total', 'Access and refresh tokens refused', 'reason'),
    registrations: counter('user_registrations_total', 'New accounts'),
    taskOperations: counter('task_operations_total', 'Operations on tasks', 'operation', 'result'),
    exports: counter('export_total', 'Exports that ended', 'format', 'result'),
    imports: counter('import_total', 'Imports that ended', 'format', 'result'),
    bulkSeconds: histogram('bulk_operation_duration_seconds', bulkTime, requestSeconds),
    bulkItems: histogram('bulk_operation_items', 'Items in a bulk operation', bulkSizes),
    rateLimitHits: counter('rate_limit_hits_total', 'Requests refused by a rate limit', 'policy'),
    rateLimitConfig: gauge('rate_limit_config_info', 'Rate limits in force', 'policy', 'limit', 'window'),
    accessDenied: counter('access_denied_total', denied, 'kind'),
  }
}

export interface QueueState {
  queue: string
  state: string
  jobs: number
}

export interface PresenceCounts {
  active: Sample[]
  features: Sample[]
  suspicious: number
}

/** Where the gauges read their values. Each part of the service sets its own when it starts. */
interface Sources {
  pool?: () => { inUse: number; size: number; waiting: number }
  presence?: () => PresenceCounts
  limits?: () => readonly { policy: string; ratio: number }[]
  queues?: () => Promise<readonly QueueState[]>
}

type Sample = [labels: Record<string, string>, value: number]

/** Gauges that are computed when they are scraped, because updating them would cost time in every request. */
function createObservedGauges(registry: OpenMetricsRegistry) {
  const sources: Sources = {}
  const countPresence = () => sources.presence?.() ?? { active: [], features: [], suspicious: 0 }
  const gauge = (
    name: string,
    help: string,
    labelNames: string[],
    read: () => Sample[] | Promise<Sample[]>,
  ): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect: async () => {
        for (const [labels, value] of await read()) made.set(labels, value)
      },
    })
  }
  gauge('db_pool_connections', 'Places in the connection pool', ['state'], () => {
    const { inUse, size } = sources.pool?.() ?? { inUse: 0, size: 0 }
    return Object.entries({ in_use: inUse, idle: size - inUse }).map(([state, count]) => [{ state }, count])
  })
  gauge('db_pool_waiting', 'Queries that wait for a connection', [], () => [
    [{}, sources.pool?.().waiting ?? 0],
  ])
  gauge('users_active', 'Users with a request in the window', ['window'], () => countPresence().active)
  gauge(
    'feature_users',
    'Users of a feature in the last 24 hours',
    ['feature'],
    () => countPresence().features,
  )
  const failing = 'Addresses with ten or more authentication failures in the last 15 minutes'
  gauge('auth_suspicious_addresses', failing, [], () => [[{}, countPresence().suspicious]])
  const share = 'Share of its limit that the busiest caller has used in its window'
  gauge('rate_limit_utilization_ratio', share, ['policy'], () =>
    (sources.limits?.() ?? []).map(({ policy, ratio }) => [{ policy }, ratio]),
  )
  gauge('job_queue_length', 'Background jobs', ['queue', 'state'], async () =>
    ((await sources.queues?.()) ?? []).map(({ queue, state, jobs }) => [{ queue, state }, jobs]),
  )
  return { observe: (added: Sources) => void Object.assign(sources, added) }
}

/** Finding the series of labels costs more than counting in it. */
function openSeries(metrics: Metrics, labels: Record<'method' | 'route' | 'status', string>) {
  return { labels, count: metrics.httpRequests.labels(labels), time: metrics.httpSeconds.labels(labels) }
}

/** Writes one log line and one observation per request. Must be cheap, because it runs for every request. */
export function observeRequests(metrics: Metrics, log: Log, tracing?: Spans): ServerObserver {
  const series = new Map<string, ReturnType<typeof openSeries>>()
  const findSeries = (method: string, route: string, status: number) => {
    const key = `${method} ${route} ${status}`
    const known = series.get(key) ?? openSeries(metrics, { method, route, status: String(status) })
    series.set(key, known)
    return known
  }
  return {
    connectionOpened: () => metrics.httpConnections.inc(),
    connectionClosed: () => metrics.httpConnections.dec(),
    requestStarted: (scope) => {
      metrics.httpInFlight.inc()
      tracing?.requestStarted(scope)
    },
    requestDone: (scope, status, seconds) => {
      metrics.httpInFlight.dec()
      const { labels, count, time } = findSeries(toMethodLabel(scope.method, status), scope.route, status)
      count.inc()
      if (scope.sampled)
        metrics.httpSeconds.observe({ labels, value: seconds, exemplarLabels: { trace_id: scope.traceId } })
      else time.observe(seconds)
      scope.requestSpan?.end(status)
      logRequest(log, scope, status, seconds)
    },
    refused: (status, requestId, address) => {
      metrics.httpRequests.inc({ method: 'none', route: 'unmatched', status: String(status) })
      log.info(
        { stream: 'application', requestId, address, endpoint: 'none unmatched', status },
        'request could not be read',
      )
    },
  }
}

const methods = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])

/**
 * Callers choose the method, so unsupported methods share a label: otherwise any caller could create series
 * for each route, method and bucket. HEAD is GET without the body.
 */
function toMethodLabel(method: string, status: number): string {
  if (method === 'HEAD') return 'GET'
  return methods.has(method) && status !== 405 ? method : 'other'
}

function logRequest(log: Log, scope: Scope, status: number, seconds: number): void {
  const failed = status >= 500
  if (!failed && !log.isLevelEnabled('info')) return
  const line = {
    stream: failed ? 'error' : 'application',
    requestId: scope.requestId,
    traceId: scope.traceId,
    userId: scope.principal?.userId,
    endpoint: `${scope.method} ${scope.route}`,
    status,
    responseTimeMs: Math.round(seconds * 1e6) / 1000,
    error: scope.error,
  }
  if (failed) log.error(line, 'request failed')
  else log.info(line, 'request')
}
