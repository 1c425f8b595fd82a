import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  ReduceDataOptionsBuilder,
  VisibilityMode,
} from '@grafana/grafana-foundation-sdk/common'
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Panel, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline'
import {
  deferred,
  describe,
  instantQuery,
  namesBelow,
  prometheus,
  rangeQuery,
  thresholds,
  units,
} from './panel.ts'
import type { PanelOptions } from './panel.ts'

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
