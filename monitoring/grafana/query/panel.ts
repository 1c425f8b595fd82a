import { queryInstant, queryRange } from './prometheus.ts'
import type { Answer, Series, Span } from './prometheus.ts'
import type { DashboardJson, PanelJson, TargetJson } from './read.ts'
import { substitute } from './substitute.ts'

/** Where and over which time a dashboard is looked at. */
export interface View {
  prometheus: string
  span: Span
  /** Window of rates, seconds. */
  window: number
  scrapeInterval: number
}

export interface TargetAnswer {
  target: TargetJson
  /** As it was sent. */
  expr: string
  answer: Answer
}

/** Asks every query of a panel, as Grafana would. */
export async function askPanel(
  dashboard: DashboardJson,
  panel: PanelJson,
  view: View,
): Promise<TargetAnswer[]> {
  return Promise.all(
    panel.targets.map(async (target) => {
      const expr = substitute(target.expr, dashboard, {
        range: view.span.to - view.span.from,
        window: view.window,
        step: view.span.step,
        scrapeInterval: view.scrapeInterval,
      })
      const answer = target.instant
        ? await queryInstant(view.prometheus, expr, view.span.to)
        : await queryRange(view.prometheus, expr, view.span)
      return { target, expr, answer }
    }),
  )
}

/** Series with a value that can be drawn. A quantile of nothing is NaN, which a panel shows as nothing. */
export function drawable(answer: Answer): Series[] {
  return answer.state === 'answered'
    ? answer.series.filter(({ samples }) => samples.some(({ value }) => Number.isFinite(value)))
    : []
}

/** A legend with the labels of a series in it; without a format Grafana writes all of them. */
export function legendOf(target: TargetJson, labels: Record<string, string>): string {
  const format = target.legendFormat ?? ''
  if (format === '')
    return Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(', ')
  return filled(format, labels)
}

export function filled(format: string, labels: Record<string, string>): string {
  return format.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => labels[name] ?? '')
}
