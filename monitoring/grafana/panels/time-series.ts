import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  StackingConfigBuilder,
  StackingMode,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import { describe, prometheus, rangeQuery, thresholds, units } from './panel.ts'
import type { PanelOptions, PanelSpec } from './panel.ts'

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
export function timeSeries(options: TimeSeriesOptions): PanelSpec {
  return () => buildTimeSeries(options)
}

function buildTimeSeries(options: TimeSeriesOptions): Builder<Panel> {
  const panel = new TimeSeriesBuilder()
    .datasource(prometheus)
    .unit(units[options.unit])
    .lineWidth(1)
    .fillOpacity(options.stacked === true ? 30 : 6)
    // A sample alone between two gaps is a line of no length.
    .showPoints(VisibilityMode.Auto)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
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
}
