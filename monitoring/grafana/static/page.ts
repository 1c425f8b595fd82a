import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { element, html, raw, text, style as reports } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import type { View } from '../query/panel.ts'
import { dashboardNames, readDashboard } from '../query/read.ts'
import type { PanelJson } from '../query/read.ts'
import { queryDashboard } from './data.ts'
import type { DashboardData, Drawing } from './data.ts'
import { drawStat, drawStates } from './states.ts'
import { drawTable } from './table.ts'
import { drawTimeSeries } from './time-series.ts'

/** On a page 1,600 pixels wide: a column with its gap, and a row of Grafana's grid. */
const columnPixels = 63.3
const rowPixels = 30
const draw = {
  timeseries: drawTimeSeries,
  stat: drawStat,
  'state-timeline': drawStates,
  table: drawTable,
} as const

/** The dashboard as one page without scripts, similar to Grafana's. Pure. */
export function dashboardPage(data: DashboardData): string {
  const { dashboard, span } = data
  const range = `${clock(span.from)} – ${clock(span.to)} UTC`
  const head = html`<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(dashboard.title)}</title><style>${raw(style)}</style></head>`
  const intro = `${dashboard.description} Here from ${range}, drawn from the file that Grafana loads.`
  return `<!doctype html>
${html`<html lang="en">${head}
<body><header class="dashboard"><h1>${text(dashboard.title)}</h1><p>${text(intro)}</p></header>
<main class="dashboard rows">${renderRows(data)}</main></body></html>`}
`
}

function renderRows(data: DashboardData): Markup[] {
  const rows: { title: string; panels: Markup[] }[] = []
  for (const panel of data.dashboard.panels) {
    if (panel.type === 'row') rows.push({ title: panel.title, panels: [] })
    else rows.at(-1)?.panels.push(renderPanel(panel, data))
  }
  return rows.map(({ title, panels }) => html`<h2>${text(title)}</h2><div class="grid">${panels}</div>`)
}

function renderPanel(panel: PanelJson, { results, span, marks }: DashboardData): Markup {
  const { w, h } = panel.gridPos
  const height = h * rowPixels
  const legendHeight = panel.type === 'timeseries' || panel.type === 'state-timeline' ? 36 : 0
  const drawing: Drawing = {
    panel,
    results: results.get(panel.id) ?? [],
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

/** Draws every dashboard for `view` into `folder`. Returns the files. */
export async function drawDashboards(view: View, folder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true })
  const files: string[] = []
  // One after the other: each queries all of its panels at the same time.
  for (const name of dashboardNames) {
    const file = join(folder, `${name}.html`)
    writeFileSync(file, dashboardPage(await queryDashboard(readDashboard(name), view)))
    files.push(file)
  }
  return files
}

/** The reports' stylesheet and the grid of panels. Always light, because the pictures are for documents. */
const lightStyle = reports
  .replace(/@media \(prefers-color-scheme:dark\)\{[^}]*\}\}/, '')
  .replace('color-scheme:light dark', 'color-scheme:light')

const style = `${lightStyle}
main.dashboard,header.dashboard{max-width:1560px;padding:0 20px}
header.dashboard{padding-top:16px;margin:0 auto}
header.dashboard h1{margin:0;font-size:20px}
header.dashboard p{margin:2px 0 0;color:var(--muted);font-size:13px;max-width:150ch}
.rows h2{font-size:14px;margin:14px 0 6px;border-top:1px solid var(--rule);padding-top:8px}
.grid{display:grid;grid-template-columns:repeat(24,1fr);gap:8px}
.panel{border:1px solid var(--rule);border-radius:4px;background:var(--card);padding:6px 10px 8px;
overflow:hidden;display:flex;flex-direction:column;min-width:0}
.panel h3{font-size:13px;margin:0 0 2px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.panel svg text{stroke:var(--card);font-size:11.5px}
.panel svg text.on-band{fill:#fff;stroke:none;font-weight:600}
.panel table{font-size:12.5px;line-height:1.35}.panel td,.panel th{padding:3px 8px}
.panel .more{font-size:12px;padding:2px 8px}
.stats{display:flex;gap:6px;flex:1}
.stat{flex:1;border-radius:4px;display:flex;flex-direction:column;
align-items:center;justify-content:center;min-width:0}
.stat b{font-size:25px;font-weight:650;white-space:nowrap}.stat.empty b{font-size:17px;color:var(--muted)}
.legend{display:flex;flex-wrap:wrap;gap:0 12px;font-size:11.5px;
color:var(--muted);line-height:1.45;max-height:34px;overflow:hidden}
.legend i{display:inline-block;width:12px;height:3px;border-radius:1px;margin-right:5px;vertical-align:middle}
`
