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

export const { and, asc, count, desc, eq, exists, inArray, ne, sql } = orm
export const { bigint, index, json, pgSchema, primaryKey, text } = pgCore
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

/** Records that could not be read, by their folder of runs. */
export const setAside = history.table(
  'set_aside',
  { place: text().notNull(), id: text().notNull(), problem: text().notNull() },
  (table) => [primaryKey({ columns: [table.place, table.id] })],
)

/** The state of each folder of runs that the rest agrees with. */
export const seen = history.table('seen', { place: text().primaryKey(), state: text() })
