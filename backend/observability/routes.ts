import { hash, timingSafeEqual } from 'node:crypto'
import { Hono } from 'hono'
import type { MiddlewareHandler } from 'hono'
import { z } from 'zod'
import type { Config } from '../config/config.ts'
import { answerOf, describeGroup, documented, Problem } from '../http/index.ts'
import type { App, AppEnv } from '../http/index.ts'
import type { Events } from './events.ts'
import type { Metrics } from './registry.ts'

const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const prometheusType = 'text/plain; version=0.0.4; charset=utf-8'

/** The headers by which a request shows that a proxy has forwarded it. */
const forwardingHeader = /^(forwarded|via|x-real-ip|x-forwarded-.*)$/

const describe = describeGroup('Operations')
const metricsText = z.string().meta({ examples: ['# TYPE http_requests_total counter\n'] })
const getMetrics = describe('getMetrics', 'Metrics in the Prometheus or OpenMetrics text format', {
  200: answerOf('All metrics', { 'text/plain': metricsText, 'application/openmetrics-text': metricsText }),
})

/**
 * `/metrics`. With METRICS_TOKEN, it requires that bearer token. Without, it is served only outside
 * production, if no other machine can reach the service, and to requests that no proxy has forwarded.
 */
export function metricsRoutes(
  metrics: Metrics,
  events: Events,
  config: Pick<Config, 'environment' | 'metricsToken' | 'host' | 'trustedProxies'>,
): App {
  const { environment, metricsToken, host, trustedProxies } = config
  const app = new Hono<AppEnv>()
  const isPrivate = environment !== 'production' && isLoopback(host) && trustedProxies === 0
  if (metricsToken === undefined && !isPrivate) return app
  const guard =
    metricsToken === undefined ? refuseForwarded : requireBearer(metricsToken, { metrics, events })
  return app.get('/metrics', getMetrics, guard, async (c) => {
    const openMetrics = await metrics.registry.metrics()
    return c.req.header('accept')?.includes('application/openmetrics-text') === true
      ? c.body(openMetrics, 200, { 'content-type': openMetricsType })
      : c.body(toPrometheusText(openMetrics), 200, { 'content-type': prometheusType })
  })
}

const refuseForwarded: MiddlewareHandler = async (c, next) => {
  if (Object.keys(c.req.header()).some((name) => forwardingHeader.test(name)))
    throw new Problem('not-found', { detail: 'Without METRICS_TOKEN, no proxy may forward this' })
  await next()
}

/**
 * Requires `token` as bearer token. Counts and logs refusals. The comparison takes the same time for any
 * wrong token.
 */
export function requireBearer(
  token: string,
  { metrics, events }: { metrics: Metrics; events: Events },
): MiddlewareHandler<AppEnv> {
  return documented<MiddlewareHandler<AppEnv>>(
    async (c, next) => {
      const given = /^bearer +(.+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? ''
      if (!isSameSecret(given, token)) {
        metrics.accessDenied.inc({ kind: 'unauthenticated' })
        events.security('access.operations_refused', c.get('scope'))
        throw new Problem('unauthenticated', {
          detail: 'This operation requires its own token',
          headers: { 'www-authenticate': 'Bearer' },
        })
      }
      await next()
    },
    { security: [{ operationsToken: [] }] },
  )
}

/** Compares digests, so that the time reveals nothing about the secret, not even its length. */
export function isSameSecret(left: string, right: string): boolean {
  return timingSafeEqual(hash('sha256', left, 'buffer'), hash('sha256', right, 'buffer'))
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/**
 * Converts OpenMetrics text to the Prometheus text format (0.0.4): restores `_total` in HELP and TYPE of
 * counters, and removes exemplars and the end mark. The registry renames its counters when it writes
 * OpenMetrics, so it is only asked for that format.
 */
function toPrometheusText(openMetrics: string): string {
  return openMetrics
    .replaceAll(/^(# HELP \S+)( .*\n# TYPE \S+)( counter)$/gm, '$1_total$2_total$3')
    .replaceAll(/^([^#].*?) # \{.*$/gm, '$1')
    .replace(/^# EOF\n/m, '')
}
