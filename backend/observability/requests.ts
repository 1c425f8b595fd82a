import type { Scope, ServerObserver } from '../http/index.ts'
import type { Log } from './logs.ts'
import type { Metrics } from './registry.ts'
import type { Tracing } from './tracing/telemetry.ts'

/** Writes one log line and one observation per request. Must be cheap, because it runs for every request. */
export function observeRequests(metrics: Metrics, log: Log, tracing?: Tracing): ServerObserver {
  const instruments = new Map<string, { count: () => void; observe: (seconds: number) => void }>()
  const findInstruments = (method: string, route: string, status: number) => {
    const key = `${method} ${route} ${status}`
    const known = instruments.get(key)
    if (known !== undefined) return known
    const counter = metrics.httpRequests.labels({ method, route, status: String(status) })
    const histogram = metrics.httpSeconds.labels({ method, route, status: String(status) })
    const made = { count: () => counter.inc(), observe: (seconds: number) => histogram.observe(seconds) }
    instruments.set(key, made)
    return made
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
      const method = toMethodLabel(scope.method, status)
      const one = findInstruments(method, scope.route, status)
      one.count()
      if (scope.sampled) observeWithExemplar(metrics, method, scope, status, seconds)
      else one.observe(seconds)
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

function observeWithExemplar(
  metrics: Metrics,
  method: string,
  scope: Scope,
  status: number,
  seconds: number,
): void {
  metrics.httpSeconds.observe({
    labels: { method, route: scope.route, status: String(status) },
    value: seconds,
    exemplarLabels: { trace_id: scope.traceId },
  })
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
