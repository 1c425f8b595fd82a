import type { Size } from '../../../reports/html/index.ts'
import {
  drawableSeries,
  fillTemplate,
  legendText,
  queryPanel,
  queryInstant,
  queryRange,
} from '../query/prometheus.ts'
import type { TargetResult, View, Series, Span } from '../query/prometheus.ts'
import { dashboardPanels } from '../query/read.ts'
import type { AnnotationJson, DashboardJson, PanelJson } from '../query/read.ts'

/** An event that the dashboards mark. */
export interface Mark {
  name: string
  /** The name of the annotation, for the legend. */
  kind: string
  colour: string
  /** Seconds since 1970. */
  at: number
}

/** The input for drawing a panel. */
export interface Drawing {
  panel: PanelJson
  results: readonly TargetResult[]
  span: Span
  marks: readonly Mark[]
  /** Size of the drawing in pixels. */
  size: Size
}

export interface NamedSeries {
  name: string
  series: Series
}

/** The series of all queries of a panel, in order, with the names of the legend. */
export function namedSeries({ results }: Pick<Drawing, 'results'>): NamedSeries[] {
  return results.flatMap(({ target, result }) =>
    drawableSeries(result).map((series) => ({ name: legendText(target, series.labels), series })),
  )
}

/** A dashboard with the results of its queries, by panel. */
export interface DashboardData {
  dashboard: DashboardJson
  results: ReadonlyMap<number, readonly TargetResult[]>
  span: Span
  marks: readonly Mark[]
}

/** Runs all queries of a dashboard. */
export async function queryDashboard(dashboard: DashboardJson, view: View): Promise<DashboardData> {
  const results = await Promise.all(
    dashboardPanels(dashboard).map(
      async (panel) => [panel.id, await queryPanel(dashboard, panel, view)] as const,
    ),
  )
  const marks = await Promise.all(
    dashboard.annotations.list.map(async (annotation) => queryMarks(annotation, view)),
  )
  return { dashboard, results: new Map(results), span: view.span, marks: marks.flat() }
}

async function queryMarks(
  { name: kind, expr, useValueForTime, iconColor, titleFormat }: AnnotationJson,
  { prometheus, span }: View,
): Promise<Mark[]> {
  const mark = (labels: Record<string, string>, at: number): Mark => ({
    name: fillTemplate(titleFormat, labels),
    kind,
    colour: iconColor,
    at,
  })
  if (useValueForTime === true)
    return drawableSeries(await queryInstant(prometheus, expr, span.to)).map(({ labels, samples }) =>
      mark(labels, (samples[0]?.value ?? 0) / 1000),
    )
  // The start of each region.
  return drawableSeries(await queryRange(prometheus, expr, span)).flatMap(({ labels, samples }) =>
    samples.slice(0, 1).map(({ at }) => mark(labels, at)),
  )
}
