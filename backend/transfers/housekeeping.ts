import { sql } from '../db/drizzle.ts'
import type { PgTable, SQL } from '../db/drizzle.ts'
import { schema } from '../db/index.ts'
import type { Database } from '../db/index.ts'

const { taskExports, taskImports, idempotencyKeys, rateLimits, loginFailures, sessions, revocations } = schema
const dayAgo = sql`now() - interval '1 day'`

/** Idempotency keys, files and revocations end after a day, sessions and windows at their end. */
const expired: readonly { name: string; table: PgTable; when: SQL }[] = [
  { name: 'idempotency_keys', table: idempotencyKeys, when: sql`${idempotencyKeys.createdAt} < ${dayAgo}` },
  { name: 'exports', table: taskExports, when: sql`${taskExports.createdAt} < ${dayAgo}` },
  { name: 'imports', table: taskImports, when: sql`${taskImports.createdAt} < ${dayAgo}` },
  { name: 'revocations', table: revocations, when: sql`${revocations.createdAt} < ${dayAgo}` },
  { name: 'rate_limits', table: rateLimits, when: sql`${rateLimits.windowEndsAt} < now()` },
  { name: 'sessions', table: sessions, when: sql`${sessions.expiresAt} < now()` },
  {
    name: 'login_failures',
    table: loginFailures,
    when: sql`greatest(${loginFailures.windowEndsAt}, ${loginFailures.lockedUntil}) < now()`,
  },
]

const intervalMs = 10 * 60_000

/** Deletes expired rows every ten minutes. */
export function startHousekeeping(database: Database): { stop: () => void } {
  const clean = async (): Promise<void> => {
    // The next run retries what failed; the pool reports an outage.
    for (const { name, table, when } of expired)
      await database
        .queryInBackground(`expire.${name}`, (db) => db.delete(table).where(when))
        .catch(() => undefined)
  }
  const timer = setInterval(() => void clean(), intervalMs).unref()
  return { stop: () => clearInterval(timer) }
}
