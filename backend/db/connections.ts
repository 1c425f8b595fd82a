import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { readAddress } from './address.ts'
import { findCause } from './availability.ts'
import { applyMigrations, drizzle, sql } from './drizzle.ts'

const ignore = (): void => undefined

/** For a free connection of a pool, or for a new one. */
const connectMs = 1000

/** A PgBouncer refuses them at the start of a connection: set them for the role that connects. */
type ServerSettings = Pick<
  pg.ClientConfig,
  'statement_timeout' | 'lock_timeout' | 'idle_in_transaction_session_timeout' | 'options'
>

/** Opens a pool. The server's settings and the name of the application may be overridden by the address. */
export async function openPool(
  url: string,
  options: pg.PoolConfig & { application_name: string },
  settings: ServerSettings,
): Promise<pg.Pool> {
  const pool = new pg.Pool({
    ...(!readAddress(url).isPooled && settings),
    ...options,
    ...(await toConnectionConfig(url, options.application_name)),
  })
  // A lost connection rejects its query, and the next one opens another. Without listeners, the error would
  // also end the process.
  pool.on('connect', (client) => client.on('error', ignore))
  return pool.on('error', ignore)
}

/** Running queries may finish within `graceMs`. */
export async function closePool(pool: pg.Pool, graceMs: number): Promise<void> {
  await Promise.race([pool.end(), sleep(graceMs, undefined, { ref: false })])
}

async function toConnectionConfig(url: string, name: string): Promise<pg.ClientConfig> {
  const { connection, prefersTls } = readAddress(url)
  const common = { application_name: name, connectionTimeoutMillis: connectMs, keepAlive: true }
  const config = { ...common, ...connection }
  if (!prefersTls || (await offersTls(config))) return config
  return { ...config, ssl: false }
}

/** Rejects if the server cannot be reached. */
async function offersTls(config: pg.ClientConfig): Promise<boolean> {
  try {
    await withClient(config, () => Promise.resolve())
    return true
  } catch (error) {
    if (findCause(error).message === 'The server does not support SSL connections') return false
    throw error
  }
}

async function withClient(
  config: pg.ClientConfig,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client(config)
  client.on('error', ignore)
  try {
    await client.connect()
    await work(client)
  } finally {
    await client.end()
  }
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
  const config = await toConnectionConfig(url, 'todo-backend-migrate')
  await withClient(config, async (client) => {
    await drizzle(client).transaction(async (tx) => {
      await tx.execute(sql`select set_config('statement_timeout', ${migrationLimitMs}, true),
        set_config('lock_timeout', ${migrationLimitMs}, true)`)
      await tx.execute(sql`select pg_advisory_xact_lock(${lockId})`)
      await applyMigrations(tx, { migrationsFolder: folder })
    })
    if (readAddress(url).isPooled)
      await withClient(config, (other) => requirePreparedStatements([client, other]))
  })
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
