import { randomBytes } from 'node:crypto'
import { eq, sql } from '../db/drizzle.ts'
import { backgroundScope, schema, statement } from '../db/index.ts'
import type { Database } from '../db/index.ts'

const { developmentSecrets } = schema
const p = sql.placeholder

const proposeSecret = statement<{ value: string }>('development_secrets.propose', (db) =>
  db
    .insert(developmentSecrets)
    .values({ name: p('name'), value: p('value') })
    .onConflictDoNothing()
    .returning({ value: developmentSecrets.value })
    .prepare('development_secrets_propose'),
)

const readSecret = statement<{ value: string }>('development_secrets.read', (db) =>
  db
    .select({ value: developmentSecrets.value })
    .from(developmentSecrets)
    .where(eq(developmentSecrets.name, p('name')))
    .prepare('development_secrets_read'),
)

/**
 * The key for access tokens: the configured one, or outside production one that all instances on this database share
 * and that outlives a restart.
 */
export async function signingSecret(database: Database, configured: string | undefined): Promise<string> {
  if (configured !== undefined) return configured
  const scope = backgroundScope(10_000)
  await database.run(scope, proposeSecret, {
    name: 'access-tokens',
    value: randomBytes(48).toString('base64url'),
  })
  const [row] = await database.run(scope, readSecret, { name: 'access-tokens' })
  if (row === undefined) throw new Error('development_secrets: the secret just written is not there')
  return row.value
}
