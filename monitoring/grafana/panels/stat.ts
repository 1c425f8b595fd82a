import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  ReduceDataOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import type { Panel, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { describe } from './options.ts'
import type { PanelOptions, PanelSpec } from './options.ts'
import { instantQuery, prometheus } from './query.ts'
import { thresholds } from './thresholds.ts'
import { units } from './units.ts'

export interface StatOptions extends PanelOptions {
  mappings?: readonly ValueMapping[]
  decimals?: number
}

/** The value of now as a large number, on the colour of the limit it passed. */
export function stat(options: StatOptions): PanelSpec {
  return () => build(options)
}

function build(options: StatOptions): Builder<Panel> {
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
}
