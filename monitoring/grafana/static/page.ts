import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { element, html, raw, text, style as reports } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import type { View } from '../query/prometheus.ts'
import { dashboardNames, readDashboard } from '../query/read.ts'
import type { PanelJson } from '../query/read.ts'
import { queryDashboard, namedSeries } from './data.ts'
import type { DashboardData, Drawing } from './data.ts'
import { drawStat, drawStates } from './states.ts'
import { drawTimeSeries } from './time-series.ts'
import { z } from 'zod'
import { format, namedColour } from './format.ts'

/** On a page 1,600 pixels wide: a column with its gap, and a row of Grafana's grid. */
const columnPixels = 63.3
const rowPixels = 30
const draw = {
  timeseries: drawTimeSeries,
  stat: drawStat,
  'state-timeline': drawStates,
  table: drawTable,
} as const

/** The dashboard as one page without scripts, similar to Grafana's, for pictures. Pure. */
export function dashboardPage(data: DashboardData): string {
  const { dashboard } = data
  const head = html`<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(dashboard.title)}</title><style>${raw(style)}</style></head>`
  return `<!doctype html>
${html`<html lang="en">${head}<body>${renderDashboard(data)}</body></html>`}
`
}

/**
 * A dashboard as a part of a page whose stylesheet contains `dashboardStyle`.
 *
 * @param localize turns a link of the dashboard's file into one that works where the page is shown
 */
export function renderDashboard(data: DashboardData, localize?: (url: string) => string): Markup {
  const { dashboard, span, marks } = data
  const range = `${clock(span.from)} – ${clock(span.to)} UTC`
  const intro = `${dashboard.description} Here from ${range}, drawn from the file that Grafana loads.`
  const events = [...new Map(marks.map(({ kind, colour }) => [kind, colour]))].map(
    ([kind, colour]) => html`<span>${element('i', { class: 'mark', style: `color:${namedColour(colour)}` })}
${text(kind)}</span>`,
  )
  return html`<header class="dashboard"><h1>${text(dashboard.title)}</h1><p>${text(intro)}</p>
${events.length > 0 && html`<div class="legend">Marked: ${events}</div>`}</header>
<div class="dashboard rows">${renderRows(data, localize)}</div>`
}

function renderRows(data: DashboardData, localize?: (url: string) => string): Markup[] {
  const rows: { title: string; panels: Markup[] }[] = []
  for (const panel of data.dashboard.panels) {
    if (panel.type === 'row') rows.push({ title: panel.title, panels: [] })
    else rows.at(-1)?.panels.push(renderPanel(panel, data, localize))
  }
  return rows.map(({ title, panels }) => html`<h2>${text(title)}</h2><div class="grid">${panels}</div>`)
}

function renderPanel(
  panel: PanelJson,
  { results, span, marks }: DashboardData,
  localize?: (url: string) => string,
): Markup {
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
  // Explore is a page of Grafana.
  const links =
    localize === undefined ? [] : (panel.links ?? []).filter(({ url }) => !url.startsWith('/explore'))
  const marked = links.map(({ title, url }) =>
    element('a', { href: localize?.(url), title, 'aria-label': title }, text('?')),
  )
  return element(
    'div',
    { class: 'panel', style: `--columns:${w};--height:${height}px`, title: panel.description },
    [
      html`<h3>${text(panel.title)}${marked.map((link) => html` ${link}`)}</h3>`,
      ...draw[panel.type](drawing),
    ],
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

/** The grid of panels. A phone shows one panel below the other; a wide drawing scrolls within its panel. */
export const dashboardStyle = `
div.dashboard,header.dashboard{max-width:1560px;margin:0 auto}
header.dashboard{padding-top:16px}
header.dashboard h1{margin:0;font-size:20px}
header.dashboard p{margin:2px 0 0;color:var(--muted);font-size:13px;max-width:150ch}
.rows h2{font-size:14px;margin:14px 0 6px;border-top:1px solid var(--rule);padding-top:8px}
.grid{display:grid;grid-template-columns:repeat(24,1fr);gap:8px}
.panel{grid-column:span var(--columns);height:var(--height);
border:1px solid var(--rule);border-radius:4px;background:var(--card);padding:6px 10px 8px;
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
.legend i{display:inline-block;width:12px;height:3px;border-radius:1px;
margin-right:5px;vertical-align:middle}
.legend i.mark{width:0;height:11px;background:none;border-left:2px dotted}
@media (max-width:900px){.grid{display:block}
.panel{height:auto;min-height:96px;margin-top:8px;overflow-x:auto}
.panel svg.chart{min-width:520px}.panel .stats{min-height:56px;flex-wrap:wrap}.panel .stat{min-width:90px}
.panel .legend{max-height:none}}
`

const style = `${lightStyle}${dashboardStyle}
header.dashboard,div.dashboard{padding-left:20px;padding-right:20px}`

const organize = z.object({
  indexByName: z.record(z.string(), z.number()),
  renameByName: z.record(z.string(), z.string()),
})
const sortBy = z.object({ sort: z.tuple([z.object({ desc: z.boolean() })]) })
const rowHeight = 25

/** Labels and value of each series as a row, in the order of the file, as many as fit. */
export function drawTable(drawing: Drawing): Markup[] {
  const { panel, size, span } = drawing
  const { indexByName, renameByName } = organize.parse(
    panel.transformations?.find(({ id }) => id === 'organize')?.options,
  )
  const descending = sortBy.parse(panel.transformations?.find(({ id }) => id === 'sortBy')?.options).sort[0]
    .desc
  const columns = Object.keys(indexByName).toSorted((a, b) => (indexByName[a] ?? 0) - (indexByName[b] ?? 0))
  const rows = namedSeries(drawing)
    .map(({ series: { labels, samples } }) => ({ labels, value: samples.at(-1)?.value ?? Number.NaN }))
    .toSorted((a, b) => (descending ? b.value - a.value : a.value - b.value))
  if (rows.length === 0)
    return [html`<p class="quiet">${text(panel.fieldConfig.defaults.noValue ?? 'No data')}</p>`]
  const room = Math.max(
    1,
    Math.floor(size.height / rowHeight) - (rows.length * rowHeight > size.height ? 2 : 1),
  )
  const unit = valueUnit(panel)
  const cell = (column: string, row: (typeof rows)[number]): string =>
    column === 'Value' ? format(unit, row.value, span.to * 1000) : (row.labels[column] ?? '')
  const headings = columns.map((column) => heading(column, renameByName[column] ?? column))
  const cells = (row: (typeof rows)[number]): Markup[] =>
    columns.map((column) =>
      element('td', { class: column === 'Value' ? 'n' : undefined }, text(cell(column, row))),
    )
  const body = rows.slice(0, room).map((row) => html`<tr>${cells(row)}</tr>`)
  return [
    html`<table><thead><tr>${headings}</tr></thead>
<tbody>${body}</tbody></table>`,
    ...(rows.length > room ? [html`<p class="quiet more">and ${rows.length - room} more</p>`] : []),
  ]
}

function heading(column: string, title: string): Markup {
  return element('th', { class: column === 'Value' ? 'n' : undefined }, text(title))
}

function valueUnit(panel: PanelJson): string | undefined {
  const unit = panel.fieldConfig.overrides
    .flatMap(({ properties }) => properties)
    .find(({ id }) => id === 'unit')?.value
  return typeof unit === 'string' ? unit : undefined
}
