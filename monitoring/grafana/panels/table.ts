import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import { TableCellHeight } from '@grafana/grafana-foundation-sdk/common'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { describe, prometheus, tableQuery, thresholds, units } from './panel.ts'
import type { PanelOptions, PanelSpec } from './panel.ts'

export interface TableOptions extends PanelOptions {
  /** Labels in the order of the columns, with their headings; others are hidden. */
  columns: Readonly<Record<string, string>>
  /** The smallest value first. */
  least?: boolean
  /** Heading of the value, which is the last column. */
  value: string
}

/** A row for each series, with the current value. The largest first, unless `least`. */
export function table(options: TableOptions): PanelSpec {
  return () => buildTable(options)
}

function buildTable(options: TableOptions): Builder<Panel> {
  const labels = Object.keys(options.columns)
  const panel = new TableBuilder()
    .datasource(prometheus)
    .cellHeight(TableCellHeight.Sm)
    .targets(options.queries.map(tableQuery))
    .overrideByName(options.value, valueProperties(options))
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true, __name__: true, job: true },
        indexByName: Object.fromEntries([...labels, 'Value'].map((name, index) => [name, index])),
        renameByName: { ...options.columns, Value: options.value },
      },
    })
    .withTransformation({
      id: 'sortBy',
      options: { sort: [{ field: options.value, desc: options.least !== true }] },
    })
  describe(panel, options, 8)
  return panel
}

function valueProperties({ unit, limits }: TableOptions): { id: string; value: unknown }[] {
  const colour =
    limits === undefined
      ? []
      : [
          { id: 'thresholds', value: thresholds(limits).build() },
          { id: 'custom.cellOptions', value: { type: 'color-text' } },
        ]
  return [{ id: 'unit', value: units[unit] }, ...colour]
}
