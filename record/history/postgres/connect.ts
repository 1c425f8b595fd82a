import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import type { HistoryDatabase, RunHistory } from '../store.ts'
import { HistoryUnavailable } from '../store.ts'
import { readAddress } from './address.ts'
import type { DatabaseAddress } from './address.ts'
import { drizzle, migrate, readMigrationFiles } from './tables.ts'
import { postgresHistory } from './history.ts'

const migrations = fileURLToPath(new URL('migrations', import.meta.url))

/** Milliseconds: a release does not wait for its history. */
const limits = { connect: 5000, statement: 10_000, lock: 10_000 } as const

// Any number that nothing else in the database uses.
const lockId = 7_104_113_202

/** Uses the history in a PostgreSQL, whose tables are made or brought up to date first. */
export async function withPostgres<T>(
  { url, name, place }: HistoryDatabase,
  use: (history: RunHistory) => Promise<T>,
): Promise<T> {
  // One connection: the lock under which tables are made is held by the session, and queries of a history are
  // sequential.
  const client = open(url, name)
  try {
    await prepare(client)
    return await use(postgresHistory(drizzle(client), place))
  } catch (error) {
    throw asUnavailable(error, client, name)
  } finally {
    await client.end({ timeout: 1 })
  }
}

function open(url: string, name: string): postgres.Sql {
  const { url: bare, tls } = addressOf(url, name)
  try {
    return postgres(bare, {
      max: 1,
      ssl: tls,
      connect_timeout: limits.connect / 1000,
      fetch_types: false,
      onnotice: () => undefined,
      connection: {
        application_name: 'vigil history',
        TimeZone: 'UTC',
        statement_timeout: limits.statement,
        lock_timeout: limits.lock,
      },
    })
  } catch {
    throw notAnAddress(name)
  }
}

function addressOf(url: string, name: string): DatabaseAddress {
  if (!URL.canParse(url)) throw notAnAddress(name)
  try {
    return readAddress(url)
  } catch (error) {
    throw new HistoryUnavailable(`${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

// What the driver throws holds the URL, and with it a password.
function notAnAddress(name: string): HistoryUnavailable {
  return new HistoryUnavailable(
    `${name}: not a URL of a PostgreSQL, expected postgres://user:password@host:port/database`,
  )
}

/**
 * Machines that find the tables missing at the same time take turns; the lock goes with the session, should
 * this process die.
 */
async function prepare(client: postgres.Sql): Promise<void> {
  // Asked before anything is made: a role that may only read and write rows will do from then on.
  if (await isUpToDate(client)) return
  await client.unsafe(`select pg_advisory_lock(${lockId})`)
  await migrate(drizzle(client), {
    migrationsFolder: migrations,
    migrationsSchema: 'vigil_history',
    migrationsTable: 'migrations',
  })
  await client.unsafe(`select pg_advisory_unlock(${lockId})`)
}

async function isUpToDate(client: postgres.Sql): Promise<boolean> {
  const [table] = await client<
    { there: boolean }[]
  >`select to_regclass('vigil_history.migrations') is not null as there`
  if (table?.there !== true) return false
  const [row] = await client<
    { newest: number | null }[]
  >`select max(created_at)::float8 as newest from vigil_history.migrations`
  return (
    (row?.newest ?? 0) >=
    Math.max(...readMigrationFiles({ migrationsFolder: migrations }).map(({ folderMillis }) => folderMillis))
  )
}

function asUnavailable(error: unknown, { options }: postgres.Sql, name: string): unknown {
  if (error instanceof HistoryUnavailable) return error
  const reason = reasonOf(error)
  if (reason === undefined) return error
  const at = options.host.map((host, index) => `${host}:${options.port[index] ?? ''}`).join(', ')
  return new HistoryUnavailable(
    `${name}: the history in PostgreSQL at ${at}/${options.database} cannot be used (${reason}): ` +
      `repair it, or leave ${name} out to use the records of this machine alone`,
  )
}

/** The error of PostgreSQL or of the connection to it, in one line; undefined for any other error. */
function reasonOf(error: unknown): string | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (!('code' in cause) || typeof cause.code !== 'string') continue
    const [line = ''] = cause.message.split('\n')
    if (cause instanceof postgres.PostgresError) return `${line}, ${cause.code}`
    // Of the socket, and of the driver itself.
    if (/^(?:E[A-Z]+|CONNECT|CONNECTION|SASL|AUTH)/.test(cause.code))
      return line.includes(cause.code) ? line : `${cause.code} ${line}`
  }
  return undefined
}
