import { and, lt, sql } from '../db/drizzle.ts'
import type { PgTable, SQL } from '../db/drizzle.ts'
import { createBackgroundScope, schema, defineStatement } from '../db/index.ts'
import type { Database, Statement } from '../db/index.ts'

const { taskExports, taskImports, idempotencyKeys, rateLimits, loginFailures, sessions } = schema
const p = sql.placeholder

/** Deletes the rows of a table that meet a condition on `before`, a day ago, or `now`. */
function expire(name: string, table: PgTable, isExpired: SQL | undefined): Statement<object> {
  return defineStatement(`expire.${name}`, (db) =>
    db
      .delete(table)
      .where(isExpired)
      .returning({ deleted: sql`1` })
      .prepare(`expire_${name}`),
  )
}

const hasNoLock = sql`coalesce(${loginFailures.lockedUntil}, ${loginFailures.windowEndsAt})
  < ${p('now')}::timestamptz`

const deletions: readonly Statement<object>[] = [
  expire('idempotency_keys', idempotencyKeys, lt(idempotencyKeys.createdAt, p('before'))),
  expire('exports', taskExports, lt(taskExports.createdAt, p('before'))),
  expire('imports', taskImports, lt(taskImports.createdAt, p('before'))),
  expire('rate_limits', rateLimits, lt(rateLimits.windowEndsAt, p('now'))),
  expire('sessions', sessions, lt(sessions.expiresAt, p('now'))),
  expire('login_failures', loginFailures, and(lt(loginFailures.windowEndsAt, p('now')), hasNoLock)),
]

const dayMs = 24 * 3600_000
const intervalMs = 10 * 60_000

/**
 * Deletes expired rows every ten minutes: idempotency keys, exports and imports after a day; sessions and
 * windows at their end.
 */
export function startHousekeeping(database: Database, now: () => number): { stop: () => void } {
  const clean = async (): Promise<void> => {
    const values = { before: new Date(now() - dayMs).toISOString(), now: new Date(now()).toISOString() }
    // The next run retries what failed; the pool reports an outage.
    for (const deletion of deletions)
      await database.run(createBackgroundScope(10_000), deletion, values).catch(() => undefined)
  }
  const timer = setInterval(() => void clean(), intervalMs)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}
