import { z } from 'zod'
import type { DashboardJson, PanelJson, TargetJson } from './read.ts'

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
const labelSet = z.record(z.string(), z.string())
const queryResponse = z.discriminatedUnion('status', [
  z.object({ status: z.literal('error'), error: z.string() }),
  z.object({
    status: z.literal('success'),
    data: z.discriminatedUnion('resultType', [
      z.object({
        resultType: z.literal('matrix'),
        result: z.array(z.object({ metric: labelSet, values: z.array(sample) })),
      }),
      z.object({
        resultType: z.literal('vector'),
        result: z.array(z.object({ metric: labelSet, value: sample })),
      }),
      z.object({ resultType: z.literal('scalar'), result: sample }),
    ]),
  }),
])

const exemplars = z.object({
  status: z.literal('success'),
  data: z.array(z.object({ exemplars: z.array(z.object({ labels: labelSet })) })),
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

/** The Prometheus and the time range of a dashboard. */
export interface View {
  prometheus: string
  span: Span
  /** The least range of rates, in seconds. */
  window: number
  scrapeInterval: number
}

export interface TargetResult {
  target: TargetJson
  /** The query as sent. */
  expr: string
  result: QueryResult
}

/** Runs every query of a panel, as Grafana does. */
export async function queryPanel(
  dashboard: DashboardJson,
  panel: PanelJson,
  view: View,
): Promise<TargetResult[]> {
  return Promise.all(
    panel.targets.map(async (target) => {
      const expr = substitute(target.expr, dashboard, {
        range: view.span.to - view.span.from,
        window: view.window,
        step: view.span.step,
        scrapeInterval: view.scrapeInterval,
      })
      const result = target.instant
        ? await queryInstant(view.prometheus, expr, view.span.to)
        : await queryRange(view.prometheus, expr, view.span)
      return { target, expr, result }
    }),
  )
}

/** Series with a finite value. A quantile without observations is NaN, which a panel does not show. */
export function drawableSeries(result: QueryResult): Series[] {
  return result.state === 'ok'
    ? result.series.filter(({ samples }) => samples.some(({ value }) => Number.isFinite(value)))
    : []
}

/** The legend of a series. Without a format Grafana shows all labels. */
export function legendText(target: TargetJson, labels: Record<string, string>): string {
  const format = target.legendFormat ?? ''
  if (format === '')
    return Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(', ')
  return fillTemplate(format, labels)
}

export function fillTemplate(format: string, labels: Record<string, string>): string {
  return format.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => labels[name] ?? '')
}

/** The values of Grafana's query variables, in seconds. */
export interface QueryVariables {
  range: number
  /** The least range of rates, whatever the scrape interval. */
  window: number
  /** Distance between two points of a panel. */
  step: number
  scrapeInterval: number
}

/**
 * A query with its variables replaced as Grafana replaces them with the choice "All": a variable's
 * `allValue`, and the built-in ones by their documented formulas (`$__rate_interval` is the step and a scrape
 * interval,
 * but at least four of those).
 */
export function substitute(
  expr: string,
  { templating }: DashboardJson,
  { range, window, step, scrapeInterval }: QueryVariables,
): string {
  const values = new Map<string, string>([
    ['__range', `${Math.ceil(range)}s`],
    ['__range_s', String(Math.ceil(range))],
    ['__interval', `${step}s`],
    ['__rate_interval', `${Math.max(step + scrapeInterval, 4 * scrapeInterval, window)}s`],
    ...templating.list.map(({ name, allValue }): [string, string] => [name, allValue ?? '']),
  ])
  return expr.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (all, braced: string | undefined, bare: string | undefined) => values.get(braced ?? bare ?? '') ?? all,
  )
}
