import type postgres from 'postgres'
import { fillPlaceholders } from './drizzle.ts'
import type { Prepared, RawRow } from './statement.ts'

interface Built {
  getQuery: () => { sql: string; params: unknown[] }
}

/**
 * Runs what the query builder has built without its executor: the statement's own `decode` takes a row apart. The
 * builder's general mapping of 20 tasks takes longer than PostgreSQL takes to find them.
 */
export function hotPrepared<Row>(client: postgres.Sql, built: Built, decode: (row: RawRow) => Row): Prepared<Row> {
  const { sql, params } = built.getQuery()
  return {
    execute: async (values) => {
      const rows: unknown[] = await client.unsafe(sql, parameters(params, values), { prepare: true }).values()
      // PostgreSQL's text format, for no column of these has a parser of the driver's.
      // oxlint-disable-next-line no-unsafe-type-assertion
      return rows.map((row) => decode(row as RawRow))
    },
  }
}

function parameters(params: unknown[], values: Record<string, unknown>): postgres.ParameterOrJSON<never>[] {
  // What the builder's encoders give is what the driver sends: text, numbers and null.
  // oxlint-disable-next-line no-unsafe-type-assertion
  return fillPlaceholders(params, values) as postgres.ParameterOrJSON<never>[]
}
