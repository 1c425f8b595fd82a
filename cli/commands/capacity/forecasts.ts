import { z } from 'zod'
import { sendRequest } from '../../../journeys/client/index.ts'
import { forecast } from '../../../load/capacity/index.ts'
import type { NamedForecast, Point } from '../../../load/capacity/index.ts'
import type { ForecastConfig } from '../../../config/index.ts'
import type { World } from '../../shared/world.ts'

const timeoutMs = 10_000
const maxBodyBytes = 16 * 2 ** 20
/** Prometheus returns at most 11,000 points per series. */
const stepSeconds = 3600

const matrix = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])),
      }),
    ),
  }),
})

/**
 * Reads from Prometheus how each figure grew, and extrapolates it to its limit. `capacity`: requests per
 * second at the knee, if it was found.
 */
export async function forecastsFrom(
  prometheus: string,
  wanted: Readonly<Record<string, ForecastConfig>>,
  days: number,
  capacity: number | undefined,
  world: World,
): Promise<NamedForecast[]> {
  const found: NamedForecast[] = []
  for (const [name, { query, limit, unit }] of Object.entries(wanted)) {
    const ceiling = limit === 'capacity' ? capacity : limit
    const common = { name, query, unit, limit: ceiling }
    if (ceiling === undefined) {
      found.push({
        ...common,
        forecast: {
          state: 'unknown',
          reason: 'the knee was not found, so there is no limit to compare with',
        },
      })
      continue
    }
    const series = await seriesOf(prometheus, query, days, world)
    found.push({
      ...common,
      forecast:
        typeof series === 'string'
          ? { state: 'unknown', reason: series }
          : forecast(series, ceiling, world.now()),
    })
  }
  return found
}

/** The points of a query, or why there are none. */
async function seriesOf(
  prometheus: string,
  query: string,
  days: number,
  world: World,
): Promise<Point[] | string> {
  const end = world.now() / 1000
  const body = new URLSearchParams({
    query,
    start: String(end - days * 86_400),
    end: String(end),
    step: String(stepSeconds),
  }).toString()
  const request = {
    method: 'POST',
    path: '/api/v1/query_range',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
  }
  const result = await sendRequest(prometheus, request, {
    timeoutMs,
    maxBodyBytes,
    signal: world.interrupted,
    purpose: 'forecast',
  })
  if (result.state === 'failed')
    return `Prometheus at ${prometheus} did not answer (${result.class}): ${result.message}`
  const answer = matrix.safeParse(result.response.json)
  if (!answer.success)
    return (
      `Prometheus at ${prometheus} answered ${result.response.status} to the query: ` +
      result.response.text.slice(0, 200)
    )
  const [first, ...others] = answer.data.data.result
  if (!first) return 'the query returns no series: check it in Prometheus'
  if (others.length > 0)
    return `the query returns ${others.length + 1} series, expected one: aggregate it with sum() or max()`
  return first.values.map(([seconds, value]) => ({ atMs: seconds * 1000, value: Number(value) }))
}
