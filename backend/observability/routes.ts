import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Config } from '../config/index.ts'
import { type Endpoint, endpoint, Problem } from '../http/index.ts'
import { prometheusText } from './exposition.ts'
import type { Metrics } from './registry.ts'

const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const prometheusType = 'text/plain; version=0.0.4; charset=utf-8'

/** `/metrics`: with METRICS_TOKEN for its bearer; without, only when nobody but this machine can reach us. */
export function metricsEndpoints(metrics: Metrics, config: Pick<Config, 'metricsToken' | 'host'>): Endpoint[] {
  const { metricsToken } = config
  if (metricsToken === undefined && !isLoopback(config.host)) return []
  return [
    endpoint({
      method: 'GET',
      path: '/metrics',
      id: 'getMetrics',
      summary: 'Metrics in the Prometheus or OpenMetrics text format',
      tag: 'Operations',
      access: metricsToken === undefined ? 'open' : 'guarded',
      limit: 'none',
      answers: { 200: { description: 'All metrics', content: { 'text/plain': z.string(), 'application/openmetrics-text': z.string() } } },
      handle: async ({ headers }) => {
        if (metricsToken !== undefined) requireToken(headers.authorization, metricsToken)
        const openMetrics = await metrics.registry.metrics()
        const wanted = headers.accept?.includes('application/openmetrics-text') ?? false
        return { status: 200, body: wanted ? openMetrics : prometheusText(openMetrics), headers: { 'content-type': wanted ? openMetricsType : prometheusType } }
      },
    }),
  ]
}

/** Throws a `Problem` unless the bearer in `authorization` is `token`; takes as long for any wrong one. */
export function requireToken(authorization: string | undefined, token: string): void {
  const given = /^bearer +(.+)$/i.exec(authorization ?? '')?.[1] ?? ''
  if (sameText(given, token)) return
  throw new Problem('unauthenticated', { detail: 'A token for this is needed', headers: { 'www-authenticate': 'Bearer' } })
}

export function sameText(left: string, right: string): boolean {
  const a = Buffer.from(left)
  const b = Buffer.from(right)
  return a.length === b.length && timingSafeEqual(a, b)
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
