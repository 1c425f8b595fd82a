import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { readAddress } from './address.ts'
import { applyMigrations, drizzle } from './drizzle.ts'
import { prepareDirectly } from './statement.ts'
import type { Builder, Prepared, Statement } from './statement.ts'

/** Together they keep every request below 5 s, in any state of the database. */
export const timeLimitsMs = {
  connect: 2000,
  poolWait: 1000,
  lock: 2000,
  statement: 3000,
  idleInTransaction: 5000,
  /** The client's own limit for an answer, because a stopped server does not enforce its limits. */
  answer: 3500,
} as const

/**
 * A set of connections and the statements prepared on it. A set that no longer answers is dropped completely.
 */
export class Connections {
  readonly client: postgres.Sql
  readonly builder: Builder
  readonly #prepared = new Map<Statement<unknown>, Prepared<unknown>>()

  constructor(url: string, max: number, applicationName: string) {
    this.client = openClient(url, max, applicationName)
    this.builder = drizzle(this.client)
  }

  prepareOnce<Row>(statement: Statement<Row>): Prepared<Row> {
    const known = this.#prepared.get(statement)
    // Stored under the statement that built it, so the type is the same.
    // oxlint-disable-next-line no-unsafe-type-assertion
    if (known !== undefined) return known as Prepared<Row>
    const built =
      statement.direct === undefined
        ? statement.build(this.builder)
        : prepareDirectly(this.client, statement.direct.build(this.builder), statement.direct.decode)
    this.#prepared.set(statement, built)
    return built
  }

  /** Closes the sockets immediately; running queries are rejected. */
  drop(): Promise<void> {
    return this.client.end({ timeout: 0 })
  }
}

export function openClient(url: string, max: number, applicationName: string): postgres.Sql {
  const { url: bare, tls } = readAddress(url)
  return postgres(bare, {
    max,
    ssl: tls,
    connect_timeout: timeLimitsMs.connect / 1000,
    // The default grows to 20 s, which would delay recovery by as much.
    backoff: () => 0.25,
    keep_alive: 10,
    // The query builder formats arrays itself; fetching types costs a query on each connection.
    fetch_types: false,
    onnotice: () => undefined,
    connection: {
      application_name: applicationName,
      TimeZone: 'UTC',
      statement_timeout: timeLimitsMs.statement,
      lock_timeout: timeLimitsMs.lock,
      idle_in_transaction_session_timeout: timeLimitsMs.idleInTransaction,
    },
  })
}

const folder = fileURLToPath(new URL('migrations', import.meta.url))

// Any number that no other lock in the database uses.
const lockId = 7_104_113_201

/**
 * Applies the missing migrations. Instances that start at the same time take turns: the lock belongs to the
 * session, so PostgreSQL releases it if this process dies.
 */
export async function migrate(url: string): Promise<void> {
  const client = openClient(url, 1, 'todo-backend-migrate')
  try {
    // A migration may rewrite a table, or wait for another instance: both may take longer than a request.
    await client.unsafe('set statement_timeout = 600000; set lock_timeout = 600000')
    await client.unsafe(`select pg_advisory_lock(${lockId})`)
    await applyMigrations(drizzle(client), { migrationsFolder: folder })
    await client.unsafe(`select pg_advisory_unlock(${lockId})`)
  } finally {
    await client.end({ timeout: 1 })
  }
}
