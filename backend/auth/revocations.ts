import { sql } from '../db/drizzle.ts'
import { backgroundScope, schema, statement } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { accessTokenSeconds } from './tokens.ts'
import type { AccessTokens } from './tokens.ts'

const { sessions } = schema

/** Instances' clocks may differ by this much. */
const marginMs = 60_000

const recentlyRevoked = statement<{ id: string }>('sessions.recently_revoked', (db) =>
  db
    .select({ id: sessions.id })
    .from(sessions)
    .where(sql`${sessions.revokedAt} > ${sql.placeholder('since')}::timestamptz`)
    .prepare('sessions_recently_revoked'),
)

/**
 * Refuses from now on the access tokens of sessions that were revoked while this instance could not hear of it: before
 * it started, or while its connection to the others was gone. Rejects when the database does not answer.
 */
export async function recallRevoked(database: Database, tokens: AccessTokens, nowMs: number): Promise<void> {
  const since = new Date(nowMs - accessTokenSeconds * 1000 - marginMs).toISOString()
  for (const { id } of await database.run(backgroundScope(5000), recentlyRevoked, { since }))
    tokens.revoke(id)
}
