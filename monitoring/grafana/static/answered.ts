import { askPanel, drawable, filled } from '../query/panel.ts'
import type { View } from '../query/panel.ts'
import { queryInstant, queryRange } from '../query/prometheus.ts'
import { panelsOf } from '../query/read.ts'
import type { AnnotationJson, DashboardJson } from '../query/read.ts'
import type { Mark } from './drawing.ts'
import type { Answered } from './page.ts'

/** Asks everything that a dashboard shows. */
export async function answer(dashboard: DashboardJson, view: View): Promise<Answered> {
  const answers = await Promise.all(
    panelsOf(dashboard).map(async (panel) => [panel.id, await askPanel(dashboard, panel, view)] as const),
  )
  const marks = await Promise.all(
    dashboard.annotations.list.map(async (annotation) => marksOf(annotation, view)),
  )
  return { dashboard, answers: new Map(answers), span: view.span, marks: marks.flat() }
}

async function marksOf(
  { expr, useValueForTime, iconColor, titleFormat }: AnnotationJson,
  { prometheus, span }: View,
): Promise<Mark[]> {
  const mark = (labels: Record<string, string>, at: number): Mark => ({
    name: filled(titleFormat, labels),
    colour: iconColor,
    at,
  })
  if (useValueForTime === true)
    return drawable(await queryInstant(prometheus, expr, span.to)).map(({ labels, samples }) =>
      mark(labels, (samples[0]?.value ?? 0) / 1000),
    )
  // The beginning of each stretch.
  return drawable(await queryRange(prometheus, expr, span)).flatMap(({ labels, samples }) =>
    samples.slice(0, 1).map(({ at }) => mark(labels, at)),
  )
}
