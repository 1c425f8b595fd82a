import { element, html, raw, text } from '../../../reports/html/markup.ts'
import type { Markup } from '../../../reports/html/markup.ts'
import type { TargetAnswer } from '../query/panel.ts'
import type { Span } from '../query/prometheus.ts'
import type { DashboardJson, PanelJson } from '../query/read.ts'
import type { Drawing, Mark } from './drawing.ts'
import { drawStat } from './stat.ts'
import { drawStates } from './states.ts'
import { style } from './style.ts'
import { drawTable } from './table.ts'
import { drawTimeSeries } from './time-series.ts'

/** A dashboard with the answers to its queries, panel by panel. */
export interface Answered {
  dashboard: DashboardJson
  answers: ReadonlyMap<number, readonly TargetAnswer[]>
  span: Span
  marks: readonly Mark[]
}

/** Of a page 1,600 pixels wide: a column and the gap beside it, and a row of Grafana's grid. */
const columnPixels = 63.3
const rowPixels = 30
const draw = {
  timeseries: drawTimeSeries,
  stat: drawStat,
  'state-timeline': drawStates,
  table: drawTable,
} as const

/** The dashboard as one page without a script: what Grafana would show, as near as a picture needs to be. Pure. */
export function dashboardPage(answered: Answered): string {
  const { dashboard, span } = answered
  const range = `${clock(span.from)} – ${clock(span.to)} UTC`
  return `<!doctype html>
${html`<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${text(dashboard.title)}</title><style>${raw(style)}</style></head>
<body><header class="dashboard"><h1>${text(dashboard.title)}</h1><p>${text(dashboard.description)} Here from ${text(range)}, drawn from the file that Grafana loads.</p></header>
<main class="dashboard rows">${rowsOf(answered)}</main></body></html>`}
`
}

function rowsOf(answered: Answered): Markup[] {
  const rows: { title: string; panels: Markup[] }[] = []
  for (const panel of answered.dashboard.panels) {
    if (panel.type === 'row') rows.push({ title: panel.title, panels: [] })
    else rows.at(-1)?.panels.push(panelOf(panel, answered))
  }
  return rows.map(({ title, panels }) => html`<h2>${text(title)}</h2><div class="grid">${panels}</div>`)
}

function panelOf(panel: PanelJson, { answers, span, marks }: Answered): Markup {
  const { w, h } = panel.gridPos
  const height = h * rowPixels
  const legendHeight = panel.type === 'timeseries' || panel.type === 'state-timeline' ? 36 : 0
  const drawing: Drawing = {
    panel,
    answers: answers.get(panel.id) ?? [],
    span,
    marks,
    size: { width: w * columnPixels - 30, height: height - 38 - legendHeight },
  }
  return element(
    'div',
    { class: 'panel', style: `grid-column:span ${w};height:${height}px`, title: panel.description },
    [html`<h3>${text(panel.title)}</h3>`, ...draw[panel.type](drawing)],
  )
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ')
}
