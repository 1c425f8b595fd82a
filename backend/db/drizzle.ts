import { createRequire } from 'node:module'
import type * as Orm from 'drizzle-orm'
import type * as Driver from 'drizzle-orm/node-postgres'
import type * as Migrator from 'drizzle-orm/node-postgres/migrator'
import type * as PgCore from 'drizzle-orm/pg-core'

/*
 * Drizzle, loaded by `require`. As ES modules, each of its 300 files makes Node read the package's 180 kB
 * package.json again, which takes more than half a second of every start; `require` takes a tenth of that.
 */
const load = createRequire(import.meta.url)
const orm: typeof Orm = load('drizzle-orm')
const pgCore: typeof PgCore = load('drizzle-orm/pg-core')
const driver: typeof Driver = load('drizzle-orm/node-postgres')
const migrator: typeof Migrator = load('drizzle-orm/node-postgres/migrator')

export const { and, asc, desc, eq, fillPlaceholders, getTableColumns, inArray, isNull, ne, or, sql } = orm
export const { bigint, customType, index, integer, jsonb, pgEnum, pgTable, primaryKey, text, uuid } = pgCore
export const { drizzle } = driver
export const { migrate: applyMigrations } = migrator
export type { SQL, SQLWrapper } from 'drizzle-orm'
export type { NodePgDatabase } from 'drizzle-orm/node-postgres'
export type { PgTable } from 'drizzle-orm/pg-core'
