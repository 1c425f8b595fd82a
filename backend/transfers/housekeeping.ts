import { sql } from '../db/drizzle.ts'
import type { PgTable, SQL, SQLWrapper } from '../db/drizzle.ts'
import { schema } from '../db/index.ts'
import type { Database } from '../db/index.ts'

const { taskExports, taskImports, idempotencyKeys, rateLimits, loginFailures, sessions, revocations } = schema
const isOld = (createdAt: SQLWrapper): SQL => sql`${createdAt} < now() - interval '1 day'`

/** Idempotency keys, files and revocations end after a day, sessions and windows at their end. */
const expired: Readonly<Record<string, readonly [table: PgTable, when: SQL]>> = {
  idempotency_keys: [idempotencyKeys, isOld(idempotencyKeys.createdAt)],
  exports: [taskExports, isOld(taskExports.createdAt)],
  imports: [taskImports, isOld(taskImports.createdAt)],
  revocations: [revocations, isOld(revocations.createdAt)],
  rate_limits: [rateLimits, sql`${rateLimits.windowEndsAt} < now()`],
  sessions: [sessions, sql`${sessions.expiresAt} < now()`],
  login_failures: [
    loginFailures,
    sql`greatest(${loginFailures.windowEndsAt}, ${loginFailures.lockedUntil}) < now()`,
  ],
}

const intervalMs = 10 * 60_000

/** Deletes expired rows every ten minutes. Returns a function that ends that. */
export function startHousekeeping(database: Database): () => void {
  const clean = async (): Promise<void> => {
    // The next run retries what failed; the pool reports an outage.
    for (const [name, [table, when]] of Object.entries(expired))
      await database
        .queryInBackground(`expire.${name}`, (db) => db.delete(table).where(when))
        .catch(() => undefined)
  }
  const timer = setInterval(() => void clean(), intervalMs).unref()
  return () => clearInterval(timer)
}
