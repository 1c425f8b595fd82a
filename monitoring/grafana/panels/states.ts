import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  LegendDisplayMode,
  LegendPlacement,
  VisibilityMode,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Panel, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline'
import { describe } from './options.ts'
import type { PanelOptions, PanelSpec } from './options.ts'
import { prometheus, rangeQuery } from './query.ts'
import { units } from './units.ts'

/** States by the number that a query gives each of them, and their colours. */
export type States = Readonly<Record<number, { name: string; colour: string }>>

export interface StateOptions extends PanelOptions {
  states: States
}

/** Which state each thing was in, over time: a band for each series. */
export function stateTimeline(options: StateOptions): PanelSpec {
  return () => build(options)
}

function build(options: StateOptions): Builder<Panel> {
  const panel = new StateTimelineBuilder()
    .datasource(prometheus)
    .unit(units[options.unit])
    .mappings([mappingOf(options.states)])
    .mergeValues(true)
    .showValue(VisibilityMode.Auto)
    .rowHeight(0.8)
    .fillOpacity(80)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .targets(options.queries.map(rangeQuery))
  describe(panel, options, 8)
  return panel
}

export function mappingOf(states: States): ValueMapping {
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
 * A metric that is 1 for the one state that holds, as the number of that state. The states differ in a label, so the
 * parts of the union never hide each other.
 *
 * @param selector of the series of one state, with `STATE` in place of its name
 */
export function stateNumber(states: States, by: string, selector: string): string {
  const parts = Object.entries(states).map(
    ([value, { name }]) => `${value} * (${selector.replace('STATE', name)} == 1)`,
  )
  return `max by (${by}) (${parts.join(' or ')})`
}
