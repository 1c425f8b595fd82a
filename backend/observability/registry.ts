import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { OpenMetricsContentType } from 'prom-client'
import { createObservedGauges } from './observed.ts'

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
  return {
    registry,
    ...createHttpMetrics(registry),
    ...createDatabaseMetrics(registry),
    ...createBusinessMetrics(registry),
    ...createLimitMetrics(registry),
    ...createObservedGauges(registry),
  }
}

type OpenMetricsRegistry = Registry<OpenMetricsContentType>

function inRegistry(registry: OpenMetricsRegistry): { registers: [OpenMetricsRegistry] } {
  return { registers: [registry] }
}

function createHttpMetrics(registry: OpenMetricsRegistry) {
  const shared = inRegistry(registry)
  return {
    httpRequests: new Counter({
      name: 'http_requests_total',
      help: 'Answered requests',
      labelNames: ['method', 'route', 'status'],
      ...shared,
    }),
    httpSeconds: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the request head to the last byte of the answer',
      labelNames: ['method', 'route', 'status', 'trace_id'],
      buckets: requestSeconds,
      enableExemplars: true,
      ...shared,
    }),
    httpInFlight: new Gauge({ name: 'http_requests_in_flight', help: 'Requests being answered', ...shared }),
    httpConnections: new Gauge({
      name: 'http_connections_active',
      help: 'Open client connections',
      ...shared,
    }),
  }
}

function createDatabaseMetrics(registry: OpenMetricsRegistry) {
  const shared = inRegistry(registry)
  return {
    dbSeconds: new Histogram({
      name: 'db_query_duration_seconds',
      help: 'Time of a query, without the wait for a connection',
      labelNames: ['query'],
      buckets: querySeconds,
      ...shared,
    }),
    dbErrors: new Counter({
      name: 'db_connection_errors_total',
      help: 'Connections that were refused, were lost or did not answer',
      ...shared,
    }),
    cacheRequests: new Counter({
      name: 'cache_requests_total',
      help: 'Reads from the cache, by hit and miss',
      labelNames: ['cache', 'result'],
      ...shared,
    }),
    jobSeconds: new Histogram({
      name: 'job_duration_seconds',
      help: 'Time of a background job',
      labelNames: ['queue', 'outcome'],
      buckets: jobSeconds,
      ...shared,
    }),
  }
}

function createBusinessMetrics(registry: OpenMetricsRegistry) {
  const shared = inRegistry(registry)
  return {
    authAttempts: new Counter({
      name: 'auth_attempts_total',
      help: 'Registrations, logins and refreshes',
      labelNames: ['action', 'result', 'reason'],
      ...shared,
    }),
    lockouts: new Counter({
      name: 'auth_lockouts_total',
      help: 'Accounts locked after failed logins',
      ...shared,
    }),
    tokenFailures: new Counter({
      name: 'auth_token_failures_total',
      help: 'Access and refresh tokens refused',
      labelNames: ['reason'],
      ...shared,
    }),
    registrations: new Counter({ name: 'user_registrations_total', help: 'New accounts', ...shared }),
    taskOperations: new Counter({
      name: 'task_operations_total',
      help: 'Operations on tasks',
      labelNames: ['operation', 'result'],
      ...shared,
    }),
    exports: new Counter({
      name: 'export_total',
      help: 'Exports that ended',
      labelNames: ['format', 'result'],
      ...shared,
    }),
    imports: new Counter({
      name: 'import_total',
      help: 'Imports that ended',
      labelNames: ['format', 'result'],
      ...shared,
    }),
    bulkSeconds: new Histogram({
      name: 'bulk_operation_duration_seconds',
      help: 'Time of a bulk operation',
      buckets: requestSeconds,
      ...shared,
    }),
    bulkItems: new Histogram({
      name: 'bulk_operation_items',
      help: 'Items in a bulk operation',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
      ...shared,
    }),
  }
}

function createLimitMetrics(registry: OpenMetricsRegistry) {
  const shared = inRegistry(registry)
  return {
    rateLimitHits: new Counter({
      name: 'rate_limit_hits_total',
      help: 'Requests refused by a rate limit',
      labelNames: ['policy'],
      ...shared,
    }),
    rateLimitConfig: new Gauge({
      name: 'rate_limit_config_info',
      help: 'Rate limits in force',
      labelNames: ['policy', 'limit', 'window'],
      ...shared,
    }),
    accessDenied: new Counter({
      name: 'access_denied_total',
      help: 'Requests without a valid token, or for data of another user',
      labelNames: ['kind'],
      ...shared,
    }),
  }
}
