import { AsyncLocalStorage } from 'node:async_hooks'
import type { PgDatabase } from 'drizzle-orm/pg-core'
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { Param, Placeholder, is } from './drizzle.ts'

/** A row as PostgreSQL sends it: text or null by column, in the order of the query. */
export type RawRow = readonly (string | null)[]

/** What a query is built on: the pool or a transaction. */
export type Builder = PgDatabase<PostgresJsQueryResultHKT>

export interface Prepared<Row> {
  execute(values: Record<string, unknown>): Promise<readonly Row[]>
}

/**
 * A named query, built once for each connection pool and prepared once on each connection. The name is the label
 * `query` in metrics and traces, so there must be few of them, and none made from input.
 */
export interface Statement<Row> {
  readonly name: string
  readonly build: (db: Builder) => Prepared<Row>
  /** Of a statement on a hot path: takes a row apart without the builder's general mapping. */
  readonly hot?: {
    built: (db: Builder) => { getQuery: () => { sql: string; params: unknown[] } }
    decode: (row: RawRow) => Row
  }
}

export function statement<Row>(name: string, build: (db: Builder) => Prepared<Row>): Statement<Row> {
  return { name, build }
}

/** A statement of which each request runs one: `decode` is given the columns in the order of the query. */
export function hotStatement<Row>(
  name: string,
  build: (db: Builder) => Prepared<Row> & { getQuery: () => { sql: string; params: unknown[] } },
  decode: (row: RawRow) => Row,
): Statement<Row> {
  return { name, build, hot: { built: build, decode } }
}

/** Who a query is for: where its time, its statements and its rows are counted, and until when it may take. */
export interface QueryScope {
  /** Added up over the queries of one request. */
  readonly db: { ms: number; statements: number; rows: number }
  /** `performance.now()` beyond which nobody waits for the answer. */
  readonly deadline: number
  /** For background work: a statement may take as long as the whole. */
  readonly patient?: boolean
  /** Starts a span for a query; absent when the request is not traced. */
  readonly span?: StartSpan | undefined
  /** The request's place in its trace, for what is queued on its behalf. */
  readonly traceId?: string
  readonly spanId?: string
  readonly sampled?: boolean
}

/** Starts the span of a query by the statement's name; the error's text stays out of it. */
export type StartSpan = (name: string) => { end: (error?: unknown) => void }

const backgroundSpans = new AsyncLocalStorage<StartSpan>()

/** Runs background work so that the queries of its {@link backgroundScope}s have spans. Requests pass theirs on by hand. */
export function withSpans<T>(startSpan: StartSpan | undefined, work: () => Promise<T>): Promise<T> {
  return startSpan === undefined ? work() : backgroundSpans.run(startSpan, work)
}

/** A scope for work that no request waits for. `limitMs` bounds it as a whole. */
export function backgroundScope(limitMs: number): QueryScope {
  return {
    db: { ms: 0, statements: 0, rows: 0 },
    deadline: performance.now() + limitMs,
    span: backgroundSpans.getStore(),
  }
}

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
