import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  StackingConfigBuilder,
  StackingMode,
  TableCellHeight,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import {
  deferred,
  describe,
  namesBelow,
  prometheus,
  rangeQuery,
  tableQuery,
  thresholds,
  units,
} from './panel.ts'
import type { PanelOptions } from './panel.ts'

export interface TimeSeriesOptions extends PanelOptions {
  /** Stacked, where the sum is meaningful. */
  stacked?: boolean
  /** A logarithmic axis, for limits far above the measured values. */
  log?: boolean
  /** The minimal end of the axis: 1 for ratios that can reach 1. */
  upTo?: number
  /** Series that are limits, by their legend: drawn dashed. */
  dashed?: readonly string[]
}

/** Values over time. Limits are dashed lines. */
export const timeSeries = deferred((options: TimeSeriesOptions): Builder<Panel> => {
  const panel = new TimeSeriesBuilder()
    .datasource(prometheus)
    .unit(units[options.unit])
    .lineWidth(1)
    .fillOpacity(options.stacked === true ? 30 : 6)
    // A sample alone between two gaps is a line of no length.
    .showPoints(VisibilityMode.Auto)
    .legend(namesBelow())
    // oxlint-disable-next-line unicorn/no-array-sort -- the builder's own; there is no array
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .targets(options.queries.map(rangeQuery))
  describe(panel, options, 8)
  if (options.stacked === true) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal))
  if (options.log === true)
    panel.scaleDistribution(new ScaleDistributionConfigBuilder().type(ScaleDistribution.Log).log(10))
  // A logarithm has no zero.
  else panel.min(0)
  if (options.upTo !== undefined) panel.axisSoftMax(options.upTo)
  if (options.limits !== undefined)
    panel
      .thresholds(thresholds(options.limits))
      .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
  for (const name of options.dashed ?? []) {
    panel.overrideByName(name, [
      { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 6] } },
      { id: 'custom.fillOpacity', value: 0 },
    ])
  }
  return panel
})

export interface TableOptions extends PanelOptions {
  /** Labels in the order of the columns, with their headings; others are hidden. */
  columns: Readonly<Record<string, string>>
  /** The smallest value first. */
  least?: boolean
  /** Heading of the value, which is the last column. */
  value: string
}

/** A row for each series, with the current value. The largest first, unless `least`. */
export const table = deferred((options: TableOptions): Builder<Panel> => {
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
})

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
