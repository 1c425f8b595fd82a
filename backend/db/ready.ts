import { sql } from './drizzle.ts'
import { users, tasks } from './schema.ts'
import { statement } from './statement.ts'

/**
 * Reads a row of each table that most requests need: that a connection opens says little while the tables are locked or
 * every connection is taken.
 */
export const touchTables = statement<unknown>('health.ready', (db) =>
  db
    .select({ user: sql`(select 1 from ${users} limit 1)`, task: sql`(select 1 from ${tasks} limit 1)` })
    .from(sql`(select 1) as one`)
    .prepare('health_ready'),
)
