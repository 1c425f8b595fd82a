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

export const { and, asc, count, desc, eq, gte, inArray, ne, sql } = orm
export const { bigint, boolean, index, integer, json, pgSchema, primaryKey, real, text, unique } = pgCore
export const { drizzle } = driver
export const { readMigrationFiles } = migrations

/** A schema of its own: the database may be one that other things live in. */
export const history = pgSchema('vigil_history')

export const runs = history.table(
  'runs',
  {
    id: text().primaryKey(),
    suite: text().notNull(),
    engine: text().notNull(),
    environment: text().notNull(),
    target: text().notNull().default(unknownKey),
    load: text().notNull().default(unknownKey),
    startedMs: bigint('started_ms', { mode: 'number' }).notNull(),
    entry: json().notNull(),
    hasSteps: boolean('has_steps').notNull().default(false),
  },
  (table) => [
    index('runs_by_series').on(
      table.suite,
      table.engine,
      table.environment,
      table.target,
      table.load,
      table.startedMs,
      table.id,
    ),
  ],
)

// Of its own, because to find the few different ones in an index of runs takes a look at each.
export const series = history.table(
  'series',
  {
    suite: text().notNull(),
    engine: text().notNull(),
    environment: text().notNull(),
    target: text().notNull().default(unknownKey),
    load: text().notNull().default(unknownKey),
  },
  (table) => [
    primaryKey({ columns: [table.suite, table.engine, table.environment, table.target, table.load] }),
  ],
)

/** The steps of each series. */
export const stepNames = history.table(
  'step_names',
  {
    id: integer().primaryKey().generatedAlwaysAsIdentity(),
    suite: text().notNull(),
    engine: text().notNull(),
    environment: text().notNull(),
    target: text().notNull(),
    load: text().notNull(),
    step: text().notNull(),
  },
  (table) => [
    unique('step_names_key').on(
      table.suite,
      table.engine,
      table.environment,
      table.target,
      table.load,
      table.step,
    ),
  ],
)

/**
 * One step of one run. The migration adds the figures to the index of the key (`INCLUDE`, which this builder
 * lacks): a year of one step is read from a stretch of the index, not from as many pages as it has runs.
 */
export const stepRuns = history.table(
  'step_runs',
  {
    stepId: integer('step_id').notNull(),
    startedMs: bigint('started_ms', { mode: 'number' }).notNull(),
    run: text().notNull(),
    requests: bigint({ mode: 'number' }).notNull(),
    errors: bigint({ mode: 'number' }).notNull(),
    meanMs: real('mean_ms').notNull(),
    p50Ms: real('p50_ms').notNull(),
    p90Ms: real('p90_ms').notNull(),
    p95Ms: real('p95_ms').notNull(),
    p99Ms: real('p99_ms').notNull(),
    maxMs: real('max_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.stepId, table.startedMs, table.run] })],
)

/** Records that could not be read, by their folder of runs. */
export const setAside = history.table(
  'set_aside',
  { place: text().notNull(), id: text().notNull(), problem: text().notNull() },
  (table) => [primaryKey({ columns: [table.place, table.id] })],
)

/** The state of each folder of runs that the rest agrees with. */
export const seen = history.table('seen', { place: text().primaryKey(), state: text() })
