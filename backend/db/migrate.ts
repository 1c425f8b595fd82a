import { fileURLToPath } from 'node:url'
import { openClient } from './connections.ts'
import { applyMigrations, drizzle } from './drizzle.ts'

const folder = fileURLToPath(new URL('migrations', import.meta.url))

// Any number that nothing else in the database uses.
const lockId = 7_104_113_201

/**
 * Applies the migrations that are missing. Instances that start at once take turns: the lock is held by the session,
 * so it is gone with the connection should this process die.
 */
export async function migrate(url: string): Promise<void> {
  const client = openClient(url, 1, 'todo-backend-migrate')
  try {
    // A migration may rewrite a table and another instance may be at it: both take longer than a request may.
    await client.unsafe('set statement_timeout = 600000; set lock_timeout = 600000')
    await client.unsafe(`select pg_advisory_lock(${lockId})`)
    await applyMigrations(drizzle(client), { migrationsFolder: folder })
    await client.unsafe(`select pg_advisory_unlock(${lockId})`)
  } finally {
    await client.end({ timeout: 1 })
  }
}
