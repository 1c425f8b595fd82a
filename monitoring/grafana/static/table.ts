import { z } from 'zod'
import { element, html, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import type { PanelJson } from '../query/read.ts'
import { namedSeries } from './data.ts'
import type { Drawing } from './data.ts'
import { format } from './format.ts'

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
