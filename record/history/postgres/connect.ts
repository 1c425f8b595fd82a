import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import type { HistoryDatabase, RunHistory } from '../store.ts'
import { HistoryUnavailable } from '../store.ts'
import { readMigrationFiles } from './tables.ts'
import { postgresHistory } from './history.ts'
import { readFileSync } from 'node:fs'
import { checkServerIdentity } from 'node:tls'
import type { PeerCertificate } from 'node:tls'

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
    await prepare(client, name)
    return await use(postgresHistory(client, place))
  } catch (error) {
    throw asUnavailable(error, client, name)
  } finally {
    await client.end({ timeout: 1 })
  }
}

function open(url: string, name: string): postgres.Sql {
  const { url: bare, tls, isPooled } = addressOf(url, name)
  try {
    return postgres(bare, {
      max: 1,
      ssl: tls,
      connect_timeout: limits.connect / 1000,
      fetch_types: false,
      prepare: !isPooled,
      onnotice: () => undefined,
      connection: {
        application_name: 'vigil history',
        TimeZone: 'UTC',
        // PgBouncer refuses a connection with parameters that it does not track.
        ...(!isPooled && { statement_timeout: limits.statement, lock_timeout: limits.lock }),
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
 * Machines that find the tables missing at the same time take turns. Everything is one transaction: a pooler
 * may give each its own session, and what is interrupted leaves nothing.
 */
async function prepare(client: postgres.Sql, name: string): Promise<void> {
  // Asked before anything is made: a role that may only read and write rows will do from then on.
  if (await isUpToDate(client, name)) return
  await client.begin(async (transaction) => {
    // A large history takes minutes to be rewritten.
    await transaction.unsafe(
      `set local statement_timeout = 0; set local lock_timeout = 0;
       select pg_advisory_xact_lock(${lockId});
       create schema if not exists vigil_history;
       create table if not exists vigil_history.migrations
         (id serial primary key, hash text not null, created_at bigint)`,
    )
    const found = await newestMigration(transaction)
    for (const { sql, hash, folderMillis } of readMigrationFiles({ migrationsFolder: migrations })) {
      if (folderMillis <= found) continue
      for (const statement of sql) await transaction.unsafe(statement)
      await transaction`
        insert into vigil_history.migrations (hash, created_at) values (${hash}, ${folderMillis})`
    }
  })
}

/** When the newest of the migrations that were applied was written; 0 before the first. */
async function newestMigration(client: postgres.ISql): Promise<number> {
  const [row] = await client<
    { newest: number | null }[]
  >`select max(created_at)::float8 as newest from vigil_history.migrations`
  return row?.newest ?? 0
}

async function isUpToDate(client: postgres.Sql, name: string): Promise<boolean> {
  const [table] = await client<
    { there: boolean }[]
  >`select to_regclass('vigil_history.migrations') is not null as there`
  if (table?.there !== true) return false
  const found = await newestMigration(client)
  const own = Math.max(
    ...readMigrationFiles({ migrationsFolder: migrations }).map(({ folderMillis }) => folderMillis),
  )
  if (found > own)
    throw new HistoryUnavailable(
      `${name}: the history in PostgreSQL was written by a newer vigil: update this one, or leave ` +
        `${name} out to use the records of this machine alone`,
    )
  return found === own
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
    if (cause instanceof postgres.PostgresError) return `${line}, ${cause.code}${pooledHint(line)}`
    // Of the socket, and of the driver itself.
    if (/^(?:E[A-Z]+|CONNECT|CONNECTION|SASL|AUTH)/.test(cause.code))
      return line.includes(cause.code) ? line : `${cause.code} ${line}`
  }
  return undefined
}

function pooledHint(line: string): string {
  return line.startsWith('unsupported startup parameter: ')
    ? '; a PgBouncer answers: add pgbouncer=true to the connection string'
    : ''
}

/** How a connection is secured. */
export interface TlsOptions {
  rejectUnauthorized: boolean
  ca?: string
  cert?: string
  key?: string
  checkServerIdentity?: (name: string, certificate: PeerCertificate) => Error | undefined
}

/** Where a database is and how connections to it are secured. */
export interface DatabaseAddress {
  /** Without the parameters that the server does not know. */
  url: string
  /** Behind PgBouncer (`pgbouncer=true`), which may give each transaction another session. */
  isPooled: boolean
  /** `prefer`: with TLS where the server offers it. */
  tls: false | 'prefer' | TlsOptions
}

const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
type Mode = (typeof modes)[number]
const ownParameters = ['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey', 'channel_binding', 'pgbouncer']
/**
 * Of libpq, Prisma and node-postgres, without meaning for one connection that has a schema of its own. The
 * driver would send them to the server, which refuses what it does not know.
 */
const ignoredParameters = [
  'connection_limit',
  'connect_timeout',
  'gssencmode',
  'keepalives',
  'keepalives_count',
  'keepalives_idle',
  'keepalives_interval',
  'pool_timeout',
  'schema',
  'socket_timeout',
  'sslsni',
  'statement_cache_size',
  'tcp_user_timeout',
  'uselibpqcompat',
]
/** Without them a connection would be less secure than the user asked. */
const refusedParameters = [
  'requiressl',
  'require_auth',
  'sslaccept',
  'sslcrl',
  'sslcrldir',
  'sslidentity',
  'sslpassword',
]

/**
 * Reads the parameters about TLS of a connection string, as libpq does. `require` encrypts and checks the
 * certificate only with `sslrootcert`. `verify-ca` checks who signed it, `verify-full` its host, too. `allow`
 * is read as `prefer`. Without `sslmode` connections are plain. What remains goes to the server, which names
 * a setting that it does not know. Throws an error of one line that does not
 * quote the address, which may hold a password. (The todo API has a copy:
 * neither imports the other.)
 */
export function readAddress(connectionString: string): DatabaseAddress {
  const url = new URL(connectionString)
  const parameters = url.searchParams
  const refused = refusedParameters.find((name) => parameters.has(name))
  if (refused !== undefined)
    throw new Error(`${refused}: found in the connection string, expected none: use sslmode and sslrootcert`)
  const isPooled = parameters.get('pgbouncer') === 'true'
  const mode = readMode(parameters)
  const rootFile = parameters.get('sslrootcert')
  const [cert, key] = ['sslcert', 'sslkey'].map((name) => readPem(name, parameters.get(name)))
  const { hostname } = url
  for (const name of [...ownParameters, ...ignoredParameters]) parameters.delete(name)
  const bare = { url: url.href, isPooled }
  if (mode === 'disable') return { ...bare, tls: false }
  if (mode === 'allow' || mode === 'prefer') return { ...bare, tls: 'prefer' }
  const isSystem = rootFile === 'system'
  const ca = isSystem ? undefined : readPem('sslrootcert', rootFile)
  const host = hostname.replace(/^\[|\]$/g, '')
  return {
    ...bare,
    tls: {
      rejectUnauthorized: mode !== 'require' || rootFile !== null,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && key !== undefined && { cert, key }),
      checkServerIdentity: (_, certificate) =>
        mode === 'verify-full' || isSystem ? checkServerIdentity(host, certificate) : undefined,
    },
  }
}

function readMode(parameters: URLSearchParams): Mode {
  const given = parameters.get('sslmode') ?? parameters.get('ssl') ?? 'disable'
  const known: Readonly<Record<string, Mode>> = {
    true: 'verify-full',
    1: 'verify-full',
    false: 'disable',
    0: 'disable',
  }
  const mode = known[given] ?? modes.find((one) => one === given)
  if (mode === undefined)
    throw new Error(`sslmode: found ${JSON.stringify(given.slice(0, 40))}, expected ${modes.join(', ')}`)
  return mode
}

function readPem(name: string, file: string | null | undefined): string | undefined {
  if (file === null || file === undefined || file === '') return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    throw new Error(`${name}: ${file}: ${code}, expected a file with certificates in PEM`, { cause: error })
  }
}
