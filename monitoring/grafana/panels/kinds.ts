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
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  ReduceDataOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import type { Panel, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import {
  deferred,
  describe,
  namesBelow,
  tableBelow,
  prometheus,
  rangeQuery,
  tableQuery,
  thresholds,
  units,
  instantQuery,
} from './panel.ts'
import type { PanelOptions } from './panel.ts'
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline'

/** States by the number that a query gives each of them, and their colours. */
export type States = Readonly<Record<number, { name: string; colour: string }>>

export interface StateOptions extends PanelOptions {
  states: States
}

/** The state of each series over time, as a band. */
export const stateTimeline = deferred((options: StateOptions): Builder<Panel> => {
  const panel = new StateTimelineBuilder()
    .datasource(prometheus)
    .unit(units[options.unit])
    .mappings([stateMapping(options.states)])
    .mergeValues(true)
    .showValue(VisibilityMode.Auto)
    .rowHeight(0.8)
    .fillOpacity(80)
    .legend(namesBelow())
    .targets(options.queries.map(rangeQuery))
  describe(panel, options, 8)
  return panel
})

export function stateMapping(states: States): ValueMapping {
  return {
    type: MappingType.ValueToText,
    options: Object.fromEntries(
      Object.entries(states).map(([value, { name, colour }], index) => [
        value,
        { text: name, color: colour, index },
      ]),
    ),
  }
}

/**
 * A metric that is 1 for the current state, as the number of that state. The states differ in a label, so
 * the parts of the union do not hide each other.
 *
 * @param selector of the series of one state, with `STATE` in place of its name
 */
export function stateNumber(states: States, by: string, selector: string): string {
  const parts = Object.entries(states).map(
    ([value, { name }]) => `${value} * (${selector.replace('STATE', name)} == 1)`,
  )
  return `max by (${by}) (${parts.join(' or ')})`
}

export interface StatOptions extends PanelOptions {
  mappings?: readonly ValueMapping[]
  decimals?: number
}

/** The current value as a large number, in the colour of the exceeded limit. */
export const stat = deferred((options: StatOptions): Builder<Panel> => {
  const panel = new StatBuilder()
    .datasource(prometheus)
    .unit(units[options.unit])
    .colorMode(
      options.limits === undefined && options.mappings === undefined
        ? BigValueColorMode.None
        : BigValueColorMode.Background,
    )
    .graphMode(BigValueGraphMode.None)
    .textMode(BigValueTextMode.Auto)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .targets(options.queries.map(instantQuery))
  describe(panel, options, 4)
  if (options.limits !== undefined) panel.thresholds(thresholds(options.limits))
  if (options.mappings !== undefined) panel.mappings([...options.mappings])
  if (options.decimals !== undefined) panel.decimals(options.decimals)
  return panel
})

export interface TimeSeriesOptions extends PanelOptions {
  /** Stacked, where the sum is meaningful. */
  stacked?: boolean
  /** A logarithmic axis, for limits far above the measured values. */
  log?: boolean
  /** The minimal end of the axis: 1 for ratios that can reach 1. */
  upTo?: number
  /** Series that are limits, by their legend: drawn dashed. */
  dashed?: readonly string[]
  /** Fixed colours of series with a meaning, by their legend. The palette colours the others. */
  colours?: Readonly<Record<string, string>>
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
    .legend(tableBelow())
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
  for (const [name, colour] of Object.entries(options.colours ?? {}))
    panel.overrideByName(name, [{ id: 'color', value: { mode: 'fixed', fixedColor: colour } }])
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
