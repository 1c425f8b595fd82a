import { createHash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Config } from '../config/index.ts'
import { Problem, defineEndpoint } from '../http/index.ts'
import type { Endpoint, Scope } from '../http/index.ts'
import type { Events } from './events.ts'
import type { Metrics } from './registry.ts'

const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const prometheusType = 'text/plain; version=0.0.4; charset=utf-8'

/** The headers by which a request shows that a proxy has forwarded it. */
const forwardingHeaders = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
]

/**
 * Builds `/metrics`. With METRICS_TOKEN, it requires that bearer token. Without, it is served only outside
 * production, if no other machine can reach the service, and to requests that no proxy has forwarded.
 */
export function buildMetricsEndpoints(
  metrics: Metrics,
  events: Events,
  config: Pick<Config, 'environment' | 'metricsToken' | 'host' | 'trustedProxies'>,
): Endpoint[] {
  const { environment, metricsToken, host, trustedProxies } = config
  const isPrivate = environment !== 'production' && isLoopback(host) && trustedProxies === 0
  if (metricsToken === undefined && !isPrivate) return []
  return [
    defineEndpoint({
      method: 'GET',
      path: '/metrics',
      id: 'getMetrics',
      summary: 'Metrics in the Prometheus or OpenMetrics text format',
      tag: 'Operations',
      access: metricsToken === undefined ? 'open' : 'guarded',
      ...(metricsToken !== undefined && { guard: requireBearer(metricsToken, { metrics, events }) }),
      limit: 'none',
      answers: {
        200: {
          description: 'All metrics',
          content: { 'text/plain': z.string(), 'application/openmetrics-text': z.string() },
        },
      },
      handle: async ({ headers }) => {
        if (metricsToken === undefined && forwardingHeaders.some((name) => headers[name] !== undefined))
          throw new Problem('not-found', { detail: 'Without METRICS_TOKEN, no proxy may forward this' })
        const openMetrics = await metrics.registry.metrics()
        const wanted = headers.accept?.includes('application/openmetrics-text') ?? false
        return {
          status: 200,
          body: wanted ? openMetrics : toPrometheusText(openMetrics),
          headers: { 'content-type': wanted ? openMetricsType : prometheusType },
        }
      },
    }),
  ]
}

/**
 * Requires `token` as bearer token. Counts and logs refusals. The comparison takes the same time for any
 * wrong token.
 */
export function requireBearer(
  token: string,
  { metrics, events }: { metrics: Metrics; events: Events },
): (scope: Scope, authorization: string | undefined) => void {
  return (scope, authorization) => {
    const given = /^bearer +(.+)$/i.exec(authorization ?? '')?.[1] ?? ''
    if (isSameSecret(given, token)) return
    metrics.accessDenied.inc({ kind: 'unauthenticated' })
    events.security('access.operations_refused', scope)
    throw new Problem('unauthenticated', {
      detail: 'This operation requires its own token',
      headers: { 'www-authenticate': 'Bearer' },
    })
  }
}

/** Compares digests, so that the time reveals nothing about the secret, not even its length. */
export function isSameSecret(left: string, right: string): boolean {
  return timingSafeEqual(toDigest(left), toDigest(right))
}

function toDigest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/**
 * Converts OpenMetrics text to the Prometheus text format (0.0.4): restores `_total` in HELP and TYPE of
 * counters, and removes exemplars and the end mark. The registry renames its counters when it writes
 * OpenMetrics, so it is only asked for that format.
 */
export function toPrometheusText(openMetrics: string): string {
  const counters = new Set([...openMetrics.matchAll(/^# TYPE (\S+) counter$/gm)].map((match) => match[1]))
  const lines = openMetrics.split('\n').flatMap((line) => {
    if (line === '# EOF') return []
    if (!line.startsWith('#')) return [line.split(' # {', 1)[0] ?? line]
    const [hash, keyword, name = '', ...rest] = line.split(' ')
    return [counters.has(name) ? [hash, keyword, `${name}_total`, ...rest].join(' ') : line]
  })
  return lines.join('\n')
}
