import pg from 'pg'
import { drizzle, fillPlaceholders } from './drizzle.ts'
import type { NodePgDatabase } from './drizzle.ts'

/** Builds queries for one connection. */
export type Builder = NodePgDatabase

/** The rows of a query, or the number of those that it changed. */
export type QueryResult = readonly unknown[] | { readonly rowCount: number | null }

interface Prepared<Result> {
  execute: (values: Record<string, unknown>) => Promise<Result>
}

/**
 * A named query, prepared once per connection. The name is the label `query` in metrics and traces, so there
 * must be few names, and none may come from input.
 */
export interface Statement<Result extends QueryResult = QueryResult> {
  readonly name: string
  readonly prepareOn: (client: pg.PoolClient) => Prepared<Result>
}

function prepareOnce<Result extends QueryResult>(
  name: string,
  prepare: (client: pg.PoolClient) => Prepared<Result>,
): Statement<Result> {
  const prepared = new WeakMap<pg.PoolClient, Prepared<Result>>()
  return {
    name,
    prepareOn: (client) => {
      const known = prepared.get(client)
      if (known !== undefined) return known
      const made = prepare(client)
      prepared.set(client, made)
      return made
    },
  }
}

export function defineStatement<Result extends QueryResult>(
  name: string,
  build: (db: Builder) => { prepare: (name: string) => Prepared<Result> },
): Statement<Result> {
  return prepareOnce(name, (client) => build(drizzle(client)).prepare(name))
}

interface BuiltQuery {
  toSQL: () => { sql: string; params: unknown[] }
}

const timestamptz = 1184
/** The driver's types, but for times, which would become a `Date` each. */
const types = {
  getTypeParser: (id: number): ((text: string) => unknown) =>
    id === timestamptz ? String : pg.types.getTypeParser(id),
}

/**
 * Defines a statement whose rows `decode` maps, because many requests run it and it has many rows: Drizzle's
 * mapping of 21 tasks takes more than 100 µs (docs/adr/0016). `decode` receives the columns in their order.
 * `variant` distinguishes statements of one name, such as pages in different orders.
 */
// PostgreSQL's rows have no types: this is where `decode` says what its columns are.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- see above
export function defineDecodedStatement<Columns extends unknown[], Row>(
  name: string,
  build: (db: Builder) => BuiltQuery,
  decode: (row: Columns) => Row,
  variant = '',
): Statement<Row[]> {
  return prepareOnce(name, (client) => {
    const { sql: text, params } = build(drizzle(client)).toSQL()
    const query = { name: name + variant, text, rowMode: 'array', types } as const
    return {
      execute: async (values) => {
        const { rows } = await client.query<Columns>({ ...query, values: fillPlaceholders(params, values) })
        return rows.map(decode)
      },
    }
  })
}

/** The request or job of a query: counts its time, statements and rows, and limits its duration. */
export interface QueryScope {
  /** Totals over the queries of one request. */
  readonly db: { ms: number; statements: number; rows: number }
  /** The value of `performance.now()` after which the caller no longer waits. */
  readonly deadline: number
  /** Starts a span for a query. Absent if the request is not traced. */
  readonly span?: StartSpan | undefined
  /** The request's position in its trace, for jobs that it queues. */
  readonly traceId?: string
  readonly spanId?: string
  readonly sampled?: boolean
}

/** Starts the span of a query, named by its statement. The text of an error is not recorded. */
export type StartSpan = (name: string) => { end: (error?: unknown) => void }

/** Creates a scope for work that no request waits for. `limitMs` is its total time limit. */
export function createBackgroundScope(limitMs: number, span?: StartSpan): QueryScope {
  return { db: { ms: 0, statements: 0, rows: 0 }, deadline: performance.now() + limitMs, span }
}
