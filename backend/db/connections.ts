import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { negotiateTls, readAddress } from './address.ts'
import { findCause } from './availability.ts'
import { applyMigrations, drizzle, sql } from './drizzle.ts'

/** Together they keep every request below 5 s, in any state of the database. */
export const timeLimitsMs = {
  /** For a free connection, or for a new one. */
  connect: 1000,
  lock: 2000,
  statement: 3000,
  idleInTransaction: 5000,
  /** The client's own limit for an answer, because a stopped server does not enforce its limits. */
  answer: 3500,
} as const

/** The settings of a connection, for the pool and for the job queue. */
export async function toConnectionConfig(url: string, applicationName: string) {
  const address = readAddress(url)
  return {
    connectionString: address.url,
    ssl: await negotiateTls(address, timeLimitsMs.connect),
    application_name: applicationName,
    connectionTimeoutMillis: timeLimitsMs.connect,
    keepAlive: true,
    enableChannelBinding: address.bindsChannel,
  }
}

/** A PgBouncer refuses them at the start of a connection: set them for the role that connects. */
const serverLimits = {
  statement_timeout: timeLimitsMs.statement,
  lock_timeout: timeLimitsMs.lock,
  idle_in_transaction_session_timeout: timeLimitsMs.idleInTransaction,
  options: '-c TimeZone=UTC',
}

export async function openPool(url: string, max: number): Promise<pg.Pool> {
  const pool = new pg.Pool({
    ...(await toConnectionConfig(url, 'todo-backend')),
    ...(!readAddress(url).isPooled && serverLimits),
    query_timeout: timeLimitsMs.answer,
    max,
    idleTimeoutMillis: 0,
  })
  // A lost connection rejects its query, and the next one opens another. Without listeners, the error would
  // also end the process.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool.on('error', () => undefined)
}

const folder = fileURLToPath(new URL('migrations', import.meta.url))

// Any number that no other lock in the database uses.
const lockId = 7_104_113_201
/** A migration may rewrite a table, or wait for another instance: both may take longer than a request. */
const migrationLimitMs = '600000'

/**
 * Applies the missing migrations. Instances that start at the same time take turns. Throws if a PgBouncer is
 * in front that cannot serve the API.
 */
export async function migrate(url: string): Promise<void> {
  await withClient(url, async (client) => {
    await drizzle(client).transaction(async (tx) => {
      await tx.execute(sql`select set_config('statement_timeout', ${migrationLimitMs}, true),
        set_config('lock_timeout', ${migrationLimitMs}, true)`)
      await tx.execute(sql`select pg_advisory_xact_lock(${lockId})`)
      await applyMigrations(tx, { migrationsFolder: folder })
    })
    if (readAddress(url).isPooled)
      await withClient(url, (other) => requirePreparedStatements([client, other]))
  })
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(await toConnectionConfig(url, 'todo-backend-migrate'))
  client.on('error', () => undefined)
  try {
    await client.connect()
    await work(client)
  } finally {
    await client.end()
  }
}

const duplicateStatement = '42P05'

/**
 * Two clients prepare a statement of the same name, as all connections of the pool do. A PgBouncer that only
 * passes this on does it twice on one of its connections: requests would fail at random.
 */
async function requirePreparedStatements(clients: readonly pg.Client[]): Promise<void> {
  try {
    for (const client of clients) await client.query({ name: 'check', text: 'select 1' })
  } catch (error) {
    if (findCause(error).code !== duplicateStatement) throw error
    throw new Error(
      'DATABASE_URL: found a PgBouncer without prepared statements in transaction mode, ' +
        'expected version 1.21 or later with max_prepared_statements above 0',
      { cause: error },
    )
  }
}
