import type postgres from 'postgres'
import { is, Param, Placeholder } from './drizzle.ts'
import type { Prepared, RawRow } from './statement.ts'

interface Built {
  getQuery: () => { sql: string; params: unknown[] }
}

/**
 * Runs what the query builder has built without its executor: the statement's own `decode` takes a row apart. The
 * builder's general mapping of 20 tasks takes longer than PostgreSQL takes to find them.
 */
export function hotPrepared<Row>(
  client: postgres.Sql,
  built: Built,
  decode: (row: RawRow) => Row,
): Prepared<Row> {
  const { sql, params } = built.getQuery()
  const fillers = params.map(fillerOf)
  return {
    // PostgreSQL's text format, for no column of these has a parser of the driver's.
    execute: (values) =>
      client
        .unsafe(
          sql,
          fillers.map((fill) => fill(values)),
          { prepare: true },
        )
        .values()
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- values() yields arrays, typed unknown
        .then((rows: unknown[]) => rows.map((row) => decode(row as RawRow))),
  }
}

/** What the driver sends for a parameter: text, a number or null. */
type Sent = postgres.ParameterOrJSON<never>

/** The builder's `fillPlaceholders`, which finds out anew for each query what each parameter is. */
function fillerOf(param: unknown): (values: Record<string, unknown>) => Sent {
  if (is(param, Placeholder)) return (values) => given(values, param.name)
  if (is(param, Param) && is(param.value, Placeholder)) {
    const { encoder, value } = param
    return (values) => sent(encoder.mapToDriverValue(given(values, value.name)))
  }
  return () => sent(param)
}

function given(values: Record<string, unknown>, name: string): Sent {
  if (!(name in values)) throw new Error(`no value for the placeholder ${name}`)
  return sent(values[name])
}

function sent(value: unknown): Sent {
  // What the builder's encoders give is what the driver sends.
  // oxlint-disable-next-line no-unsafe-type-assertion
  return value as Sent
}
