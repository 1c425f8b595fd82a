import { queryInstant, queryRange } from './prometheus.ts'
import type { QueryResult, Series, Span } from './prometheus.ts'
import type { DashboardJson, PanelJson, TargetJson } from './read.ts'

/** Where and over which time a dashboard is looked at. */
export interface View {
  prometheus: string
  span: Span
  /** Window of rates, seconds. */
  window: number
  scrapeInterval: number
}

export interface TargetResult {
  target: TargetJson
  /** As it was sent. */
  expr: string
  result: QueryResult
}

/** Asks every query of a panel, as Grafana would. */
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

/** Series with a value that can be drawn. A quantile of nothing is NaN, which a panel shows as nothing. */
export function drawableSeries(result: QueryResult): Series[] {
  return result.state === 'ok'
    ? result.series.filter(({ samples }) => samples.some(({ value }) => Number.isFinite(value)))
    : []
}

/** A legend with the labels of a series in it; without a format Grafana writes all of them. */
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

/** What Grafana knows when it asks. Seconds. */
export interface QueryVariables {
  range: number
  /** What `$interval` is set to, the window of rates. */
  window: number
  /** Distance between two points of a picture. */
  step: number
  scrapeInterval: number
}

/**
 * The text of a query with its variables replaced as Grafana replaces them while everything is chosen: a variable's
 * `allValue`, and the built-in ones by their documented formulas (`$__rate_interval` is the step and a scrape interval,
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
    ['__rate_interval', `${Math.max(step + scrapeInterval, 4 * scrapeInterval)}s`],
    ...templating.list.map(({ name, type, allValue }): [string, string] => [
      name,
      type === 'interval' ? `${window}s` : (allValue ?? ''),
    ]),
  ])
  return expr.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (all, braced: string | undefined, bare: string | undefined) => values.get(braced ?? bare ?? '') ?? all,
  )
}
