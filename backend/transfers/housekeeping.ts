import { and, lt, sql } from '../db/drizzle.ts'
import { createBackgroundScope, schema, defineStatement } from '../db/index.ts'
import type { Database, Statement } from '../db/index.ts'

const { taskExports, taskImports, idempotencyKeys, rateLimits, loginFailures, sessions } = schema
const p = sql.placeholder

/** Delete expired rows. `before`: a day ago, `now`: now. */
const deletions: readonly Statement<object>[] = [
  defineStatement('expire.idempotency_keys', (db) =>
    db
      .delete(idempotencyKeys)
      .where(lt(idempotencyKeys.createdAt, p('before')))
      .returning({ key: idempotencyKeys.key })
      .prepare('expire_idempotency_keys'),
  ),
  defineStatement('expire.exports', (db) =>
    db
      .delete(taskExports)
      .where(lt(taskExports.createdAt, p('before')))
      .returning({ id: taskExports.id })
      .prepare('expire_exports'),
  ),
  defineStatement('expire.imports', (db) =>
    db
      .delete(taskImports)
      .where(lt(taskImports.createdAt, p('before')))
      .returning({ id: taskImports.id })
      .prepare('expire_imports'),
  ),
  defineStatement('expire.rate_limits', (db) =>
    db
      .delete(rateLimits)
      .where(lt(rateLimits.windowEndsAt, p('now')))
      .returning({ key: rateLimits.key })
      .prepare('expire_rate_limits'),
  ),
  defineStatement('expire.sessions', (db) =>
    db
      .delete(sessions)
      .where(lt(sessions.expiresAt, p('now')))
      .returning({ id: sessions.id })
      .prepare('expire_sessions'),
  ),
  defineStatement('expire.login_failures', (db) =>
    db
      .delete(loginFailures)
      .where(
        and(
          lt(loginFailures.windowEndsAt, p('now')),
          sql`coalesce(${loginFailures.lockedUntil}, ${loginFailures.windowEndsAt})
            < ${p('now')}::timestamptz`,
        ),
      )
      .returning({ failures: loginFailures.failures })
      .prepare('expire_login_failures'),
  ),
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
