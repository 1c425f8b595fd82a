import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { applyMigrations, drizzle } from './drizzle.ts'
import { hotPrepared } from './statement.ts'
import type { Builder, Prepared, Statement } from './statement.ts'

/** Milliseconds. Together they keep any request under 5 s, whatever the database does. */
export const timeLimits = {
  connect: 2000,
  poolWait: 1000,
  lock: 2000,
  statement: 3000,
  idleInTransaction: 5000,
  /** How long we wait for an answer ourselves: a stopped server does not enforce its own limits. */
  answer: 3500,
} as const

/** One set of connections and the statements built on it. A set that no longer answers is dropped whole. */
export class Connections {
  readonly client: postgres.Sql
  readonly builder: Builder
  readonly #prepared = new Map<Statement<unknown>, Prepared<unknown>>()

  constructor(url: string, max: number, applicationName: string) {
    this.client = openClient(url, max, applicationName)
    this.builder = drizzle(this.client)
  }

  prepared<Row>(statement: Statement<Row>): Prepared<Row> {
    const known = this.#prepared.get(statement)
    // Kept under the statement that built it, so it is of the same type.
    // oxlint-disable-next-line no-unsafe-type-assertion
    if (known !== undefined) return known as Prepared<Row>
    const built =
      statement.hot === undefined
        ? statement.build(this.builder)
        : hotPrepared(this.client, statement.hot.built(this.builder), statement.hot.decode)
    this.#prepared.set(statement, built)
    return built
  }

  /** Closes the sockets now; queries under way are rejected. */
  drop(): Promise<void> {
    return this.client.end({ timeout: 0 })
  }
}

export function openClient(url: string, max: number, applicationName: string): postgres.Sql {
  return postgres(url, {
    max,
    connect_timeout: timeLimits.connect / 1000,
    // The default grows to 20 s, which would be that much longer to recover.
    backoff: () => 0.25,
    keep_alive: 10,
    // Array types are written out by the query builder; asking for all types costs a query on each connection.
    fetch_types: false,
    onnotice: () => undefined,
    connection: {
      application_name: applicationName,
      TimeZone: 'UTC',
      statement_timeout: timeLimits.statement,
      lock_timeout: timeLimits.lock,
      idle_in_transaction_session_timeout: timeLimits.idleInTransaction,
    },
  })
}

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
