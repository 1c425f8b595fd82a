import { createRequire } from 'node:module'
import type * as Orm from 'drizzle-orm'
import type * as Migrations from 'drizzle-orm/migrator'
import type * as PgCore from 'drizzle-orm/pg-core'
import type * as Driver from 'drizzle-orm/postgres-js'
import type * as Migrator from 'drizzle-orm/postgres-js/migrator'

// By `require`: as ES modules its 300 files each have Node read the package's description again, half a
// second in all.
const load = createRequire(import.meta.url)
const orm: typeof Orm = load('drizzle-orm')
const pgCore: typeof PgCore = load('drizzle-orm/pg-core')
const driver: typeof Driver = load('drizzle-orm/postgres-js')
const migrations: typeof Migrations = load('drizzle-orm/migrator')
const migrator: typeof Migrator = load('drizzle-orm/postgres-js/migrator')

export const { and, asc, count, desc, eq, inArray, sql } = orm
export const { bigint, index, json, pgSchema, primaryKey, text } = pgCore
export const { drizzle } = driver
export const { migrate } = migrator
export const { readMigrationFiles } = migrations
