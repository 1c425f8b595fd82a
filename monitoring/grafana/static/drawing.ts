import type { TargetAnswer } from '../query/panel.ts'
import { drawable, legendOf } from '../query/panel.ts'
import type { Series, Span } from '../query/prometheus.ts'
import type { PanelJson } from '../query/read.ts'
import type { Size } from '../../../reports/html/charts/frame.ts'

/** An event that dashboards mark. */
export interface Mark {
  name: string
  colour: string
  /** Seconds since 1970. */
  at: number
}

/** What a panel is drawn from. */
export interface Drawing {
  panel: PanelJson
  answers: readonly TargetAnswer[]
  span: Span
  marks: readonly Mark[]
  /** Pixels for the picture alone. */
  size: Size
}

export interface NamedSeries {
  name: string
  series: Series
}

/** The series of all queries of a panel, in order, with the names of the legend. */
export function namedSeries({ answers }: Pick<Drawing, 'answers'>): NamedSeries[] {
  return answers.flatMap(({ target, answer }) =>
    drawable(answer).map((series) => ({ name: legendOf(target, series.labels), series })),
  )
}
