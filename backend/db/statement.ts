import { AsyncLocalStorage } from 'node:async_hooks'
import type { PgDatabase } from 'drizzle-orm/pg-core'
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { Param, Placeholder, is } from './drizzle.ts'

/** A row in PostgreSQL's text format: text or null per column, in the order of the query. */
export type RawRow = readonly (string | null)[]

/** Builds and runs queries, on the pool or in a transaction. */
export type Builder = PgDatabase<PostgresJsQueryResultHKT>

export interface Prepared<Row> {
  execute: (values: Record<string, unknown>) => Promise<readonly Row[]>
}

/**
 * A named query, built once per connection pool and prepared once per connection. The name is the label
 * `query` in metrics and traces, so there must be few names, and none may come from input.
 */
export interface Statement<Row> {
  readonly name: string
  readonly build: (db: Builder) => Prepared<Row>
  /** For frequent statements: decodes a row without the builder's general mapping. */
  readonly direct?: {
    build: (db: Builder) => { getQuery: () => { sql: string; params: unknown[] } }
    decode: (row: RawRow) => Row
  }
}

export function defineStatement<Row>(name: string, build: (db: Builder) => Prepared<Row>): Statement<Row> {
  return { name, build }
}

/**
 * Defines a statement that runs without Drizzle's mapping, because most requests run one. `decode` receives
 * the columns in the order of the query.
 */
export function defineDirectStatement<Row>(
  name: string,
  build: (db: Builder) => Prepared<Row> & { getQuery: () => { sql: string; params: unknown[] } },
  decode: (row: RawRow) => Row,
): Statement<Row> {
  return { name, build, direct: { build, decode } }
}

/** The request or job of a query: counts its time, statements and rows, and limits its duration. */
export interface QueryScope {
  /** Totals over the queries of one request. */
  readonly db: { ms: number; statements: number; rows: number }
  /** The value of `performance.now()` after which the caller no longer waits. */
  readonly deadline: number
  /** For background work: one statement may take the total time limit. */
  readonly allowsLongStatements?: boolean
  /** Starts a span for a query. Absent if the request is not traced. */
  readonly span?: StartSpan | undefined
  /** The request's position in its trace, for jobs that it queues. */
  readonly traceId?: string
  readonly spanId?: string
  readonly sampled?: boolean
}

/** Starts the span of a query, named by its statement. The text of an error is not recorded. */
export type StartSpan = (name: string) => { end: (error?: unknown) => void }

const backgroundSpans = new AsyncLocalStorage<StartSpan>()

/**
 * Runs background work so that the queries of its {@link createBackgroundScope}s have spans. Requests pass
 * theirs explicitly.
 */
export function runWithSpans<T>(startSpan: StartSpan | undefined, work: () => Promise<T>): Promise<T> {
  return startSpan === undefined ? work() : backgroundSpans.run(startSpan, work)
}

/** Creates a scope for work that no request waits for. `limitMs` is its total time limit. */
export function createBackgroundScope(limitMs: number): QueryScope {
  return {
    db: { ms: 0, statements: 0, rows: 0 },
    deadline: performance.now() + limitMs,
    span: backgroundSpans.getStore(),
  }
}

interface BuiltQuery {
  getQuery: () => { sql: string; params: unknown[] }
}

/**
 * Prepares a built query that runs without the query builder: the statement's own `decode` decodes each row.
 * The builder's general mapping of 20 tasks takes longer than PostgreSQL takes to find them.
 */
export function prepareDirectly<Row>(
  client: postgres.Sql,
  query: BuiltQuery,
  decode: (row: RawRow) => Row,
): Prepared<Row> {
  const { sql, params } = query.getQuery()
  const readers = params.map(createParameterReader)
  return {
    // In PostgreSQL's text format, because the driver has no parser for these columns.
    execute: (values) =>
      client
        .unsafe(
          sql,
          readers.map((read) => read(values)),
          { prepare: true },
        )
        .values()
        // `values` yields arrays, but its type says unknown.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        .then((rows: unknown[]) => rows.map((row) => decode(row as RawRow))),
  }
}

/** A parameter as the driver sends it: text, a number or null. */
type DriverParameter = postgres.ParameterOrJSON<never>

/**
 * Replaces the builder's `fillPlaceholders`, which determines the kind of each parameter again for each
 * query.
 */
function createParameterReader(param: unknown): (values: Record<string, unknown>) => DriverParameter {
  if (is(param, Placeholder)) return (values) => requireValue(values, param.name)
  if (is(param, Param) && is(param.value, Placeholder)) {
    const { encoder, value } = param
    return (values) => toDriverParameter(encoder.mapToDriverValue(requireValue(values, value.name)))
  }
  return () => toDriverParameter(param)
}

function requireValue(values: Record<string, unknown>, name: string): DriverParameter {
  if (!(name in values)) throw new Error(`no value for the placeholder ${name}`)
  return toDriverParameter(values[name])
}

function toDriverParameter(value: unknown): DriverParameter {
  // The builder's encoders return values that the driver sends.
  // oxlint-disable-next-line no-unsafe-type-assertion
  return value as DriverParameter
}
