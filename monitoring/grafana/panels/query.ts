import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'

/** A question to Prometheus. */
export interface Query {
  expr: string
  /** Name of each series, `{{label}}` being a label's value; in a table there is none. */
  legend?: string
  /** Shows the traces behind single observations as points. */
  exemplars?: boolean
}

/** The data source that the reader picked at the top of the page. */
export const prometheus = { type: 'prometheus', uid: '${datasource}' } as const

const letters = 'ABCDEFGHIJ'

export function rangeQuery({ expr, legend, exemplars }: Query, index: number): DataqueryBuilder {
  const query = base(expr, index).range()
  if (legend !== undefined) query.legendFormat(legend)
  if (exemplars === true) query.exemplar(true)
  return query
}

/** One value a series, of the end of the time range. */
export function instantQuery({ expr, legend }: Query, index: number): DataqueryBuilder {
  const query = base(expr, index).instant()
  return legend === undefined ? query : query.legendFormat(legend)
}

export function tableQuery({ expr }: Query, index: number): DataqueryBuilder {
  return base(expr, index).instant().format(PromQueryFormat.Table)
}

function base(expr: string, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(prometheus)
    .refId(letters[index] ?? 'Z')
    .expr(expr)
}
