import { createRequire } from 'node:module'
import type * as Orm from 'drizzle-orm'
import type * as Migrations from 'drizzle-orm/migrator'
import type * as PgCore from 'drizzle-orm/pg-core'
import type * as Driver from 'drizzle-orm/postgres-js'
import { unknownKey } from '../entry.ts'

// By `require`: as ES modules its 300 files each have Node read the package's description again, half a
// second in all.
const load = createRequire(import.meta.url)
const orm: typeof Orm = load('drizzle-orm')
const pgCore: typeof PgCore = load('drizzle-orm/pg-core')
const driver: typeof Driver = load('drizzle-orm/postgres-js')
const migrations: typeof Migrations = load('drizzle-orm/migrator')

export const { and, asc, count, desc, eq, inArray, ne, sql } = orm
const { bigint, boolean, doublePrecision, integer, pgSchema, primaryKey, text } = pgCore
export const { drizzle } = driver
export const { readMigrationFiles } = migrations

/*
 * The tables as queries need them. `migrations/` is not generated: it has what this builder lacks, such as
 * parts by month and the statement that puts a run.
 */

/** A schema of its own: the database may be one that other things live in. */
const history = pgSchema('vigil_history')

/** A table of its own: an index of runs would be read whole to find the few different ones. */
export const series = history.table('series', {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  suite: text().notNull(),
  engine: text().notNull(),
  environment: text().notNull(),
  target: text().notNull().default(unknownKey),
  load: text().notNull().default(unknownKey),
})

export const runs = history.table('runs', {
  id: text().primaryKey(),
  seriesId: integer('series_id').notNull(),
  startedMs: bigint('started_ms', { mode: 'number' }).notNull(),
  startedAt: text('started_at').notNull(),
  durationMs: doublePrecision('duration_ms').notNull(),
  state: text({ enum: ['valid', 'invalid', 'interrupted'] }).notNull(),
  verdict: text({ enum: ['pass', 'fail', 'inconclusive', 'invalid'] }),
  revision: text(),
  requests: doublePrecision().notNull(),
  errors: doublePrecision().notNull(),
  errorRate: doublePrecision('error_rate').notNull(),
  throughputRps: doublePrecision('throughput_rps').notNull(),
  meanMs: doublePrecision('mean_ms').notNull(),
  p50Ms: doublePrecision('p50_ms').notNull(),
  p90Ms: doublePrecision('p90_ms').notNull(),
  p95Ms: doublePrecision('p95_ms').notNull(),
  p99Ms: doublePrecision('p99_ms').notNull(),
  maxMs: doublePrecision('max_ms').notNull(),
  hasSteps: boolean('has_steps').notNull().default(false),
  isThinned: boolean('is_thinned').notNull().default(false),
})

/** The steps of each series. */
export const stepNames = history.table('step_names', {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  seriesId: integer('series_id').notNull(),
  step: text().notNull(),
})

/** Records that could not be read, by their folder of runs. */
export const setAside = history.table(
  'set_aside',
  { place: text().notNull(), id: text().notNull(), problem: text().notNull() },
  (table) => [primaryKey({ columns: [table.place, table.id] })],
)

/** The state of each folder of runs that the rest agrees with. */
export const seen = history.table('seen', { place: text().primaryKey(), state: text() })
