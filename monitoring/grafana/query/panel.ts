import { queryInstant, queryRange } from './prometheus.ts'
import type { QueryResult, Series, Span } from './prometheus.ts'
import type { DashboardJson, PanelJson, TargetJson } from './read.ts'

/** The Prometheus and the time range of a dashboard. */
export interface View {
  prometheus: string
  span: Span
  /** Range of rates, in seconds. */
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
  /** The value of `$interval`, the range of rates. */
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
