import { z } from 'zod'

/** A series over time, or with one sample for an instant query. */
export interface Series {
  labels: Record<string, string>
  /** Seconds since 1970, and the value, which may be NaN or infinite. */
  samples: { at: number; value: number }[]
}

export type QueryResult = { state: 'ok'; series: Series[] } | { state: 'invalid'; reason: string }

export interface Span {
  /** Seconds since 1970. */
  from: number
  to: number
  /** Seconds between two samples. */
  step: number
}

const sample = z.tuple([z.number(), z.string()])
const labels = z.record(z.string(), z.string())
const queryResponse = z.discriminatedUnion('status', [
  z.object({ status: z.literal('error'), error: z.string() }),
  z.object({
    status: z.literal('success'),
    data: z.discriminatedUnion('resultType', [
      z.object({
        resultType: z.literal('matrix'),
        result: z.array(z.object({ metric: labels, values: z.array(sample) })),
      }),
      z.object({
        resultType: z.literal('vector'),
        result: z.array(z.object({ metric: labels, value: sample })),
      }),
      z.object({ resultType: z.literal('scalar'), result: sample }),
    ]),
  }),
])

const exemplars = z.object({
  status: z.literal('success'),
  data: z.array(z.object({ exemplars: z.array(z.object({ labels })) })),
})

/** Long enough for a machine that runs a load at the same time. */
const timeoutMs = 30_000

/** Queries Prometheus as Grafana does. An invalid query is a result; an unreachable Prometheus throws. */
export async function queryRange(url: string, expr: string, { from, to, step }: Span): Promise<QueryResult> {
  return postQuery(url, 'query_range', {
    query: expr,
    start: String(from),
    end: String(to),
    step: String(step),
  })
}

export async function queryInstant(url: string, expr: string, at: number): Promise<QueryResult> {
  return postQuery(url, 'query', { query: expr, time: String(at) })
}

async function postQuery(
  url: string,
  path: string,
  parameters: Record<string, string>,
): Promise<QueryResult> {
  const response = await fetch(`${url}/api/v1/${path}`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
    signal: AbortSignal.timeout(timeoutMs),
  })
  const read = queryResponse.parse(await response.json())
  if (read.status === 'error') return { state: 'invalid', reason: read.error }
  const { data } = read
  if (data.resultType === 'matrix')
    return {
      state: 'ok',
      series: data.result.map(({ metric, values }) => ({ labels: metric, samples: values.map(toSample) })),
    }
  if (data.resultType === 'vector')
    return {
      state: 'ok',
      series: data.result.map(({ metric, value }) => ({ labels: metric, samples: [toSample(value)] })),
    }
  return { state: 'ok', series: [{ labels: {}, samples: [toSample(data.result)] }] }
}

function toSample([at, text]: readonly [number, string]): { at: number; value: number } {
  const infinite = { '+Inf': Infinity, '-Inf': -Infinity }[text]
  return { at, value: infinite ?? Number(text) }
}

/** Labels of the exemplars of a query's metrics. */
export async function queryExemplars(
  url: string,
  expr: string,
  { from, to }: Span,
): Promise<Record<string, string>[]> {
  const parameters = new URLSearchParams({ query: expr, start: String(from), end: String(to) })
  const response = await fetch(`${url}/api/v1/query_exemplars`, {
    method: 'POST',
    body: parameters,
    signal: AbortSignal.timeout(timeoutMs),
  })
  return exemplars
    .parse(await response.json())
    .data.flatMap((series) => series.exemplars.map((one) => one.labels))
}
