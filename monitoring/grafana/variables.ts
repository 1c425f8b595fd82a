import {
  DatasourceVariableBuilder,
  IntervalVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import { prometheus } from './panels/index.ts'

export type VariableBuilder = Builder<VariableModel>

/** The Prometheus to query. The default is the provisioned one. */
export function datasource(): VariableBuilder {
  return new DatasourceVariableBuilder('datasource')
    .label('Data source')
    .type('prometheus')
    .current({ text: 'Prometheus', value: 'prometheus' })
}

/**
 * The window of rates and percentiles. At least four scrapes, so that a rate has enough samples. Longer where
 * a
 * pixel covers more time, so that no sample between two pixels is lost.
 */
export function interval(): VariableBuilder {
  return new IntervalVariableBuilder('interval')
    .label('Window')
    .values('1m,2m,5m,15m,30m,1h')
    .auto(true)
    .minInterval('1m')
    .stepCount(60)
    .current({ text: 'auto', value: '$__auto_interval_interval' })
}

/** Values of a label. The reader can choose several; the default is all. */
export function label(name: string, title: string, metric: string, of = name): VariableBuilder {
  return (
    new QueryVariableBuilder(name)
      .label(title)
      .datasource(prometheus)
      .query({ query: `label_values(${metric}, ${of})`, refId: 'StandardVariableQuery' })
      .definition(`label_values(${metric}, ${of})`)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      // oxlint-disable-next-line unicorn/no-array-sort -- the builder's own; there is no array
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      // Not a list of all values, which is long and misses values that appear later.
      .allValue('.*')
      .current({ text: 'All', value: '$__all' })
  )
}
