import type pg from 'pg'
import { DatabaseBusy, DatabaseUnavailable, translateDatabaseError } from './availability.ts'
import { closePool, openPool } from './connections.ts'
import { drizzle } from './drizzle.ts'
import { createBackgroundScope } from './statement.ts'
import type { Builder, QueryResult, QueryScope, Statement } from './statement.ts'

/** Receives events of the pool, for metrics, logs and fault injection. */
export interface DatabaseObserver {
  queryDone: (name: string, seconds: number) => void
  connectionError: (message: string) => void
  stateChanged: (up: boolean) => void
  /** Runs before each query. Fault injection waits or throws here. */
  beforeQuery?: ((name: string) => Promise<void> | undefined) | undefined
}

/** Runs statements and queries on one connection, for a request or job. */
export interface Transaction {
  readonly scope: QueryScope
  /** For libraries that write in their caller's transaction. */
  readonly client: pg.PoolClient
  run: <Result extends QueryResult>(
    statement: Statement<Result>,
    values: Record<string, unknown>,
  ) => Promise<Result>
  /** For queries whose shape depends on their input, or that are rare: they are not prepared. */
  query: <Result extends QueryResult>(
    name: string,
    build: (db: Builder) => PromiseLike<Result>,
  ) => Promise<Result>
}

/** More waiting queries are refused, so a slow database does not fill the process with them. */
const maxWaitingPerConnection = 50

const backgroundLimitMs = 10_000

/** With the time limit for a connection, they keep every request below 5 s, in any state of the database. */
const serverLimits = {
  statement_timeout: 3000,
  lock_timeout: 2000,
  idle_in_transaction_session_timeout: 5000,
}
/** The client's own limit for an answer, because a stopped server does not enforce its limits. */
const answerMs = 3500

/** The connection pool, with the time limits of a request, and the measurement of each query. */
export class Database {
  readonly #pool: pg.Pool
  readonly #size: number
  readonly #observer: DatabaseObserver
  #isUp = true

  private constructor(pool: pg.Pool, size: number, observer: DatabaseObserver) {
    this.#pool = pool
    this.#size = size
    this.#observer = observer
  }

  static async open(url: string, size: number, observer: DatabaseObserver): Promise<Database> {
    const options = { application_name: 'todo-backend', query_timeout: answerMs, idleTimeoutMillis: 0 }
    const settings = { ...serverLimits, options: '-c TimeZone=UTC' }
    return new Database(await openPool(url, { ...options, max: size }, settings), size, observer)
  }

  get poolState(): { inUse: number; size: number; waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.#pool
    return { inUse: totalCount - idleCount, size: this.#size, waiting: waitingCount }
  }

  /**
   * Returns the rows of a prepared statement. Rejects with `DatabaseUnavailable`, `DatabaseBusy` or the
   * server's error.
   */
  run<Result extends QueryResult>(
    scope: QueryScope,
    statement: Statement<Result>,
    values: Record<string, unknown>,
  ): Promise<Result> {
    return this.#connected(scope, (connection) => connection.run(statement, values))
  }

  /** Runs a query that is not prepared, because it is rare. */
  query<Result extends QueryResult>(
    scope: QueryScope,
    name: string,
    build: (db: Builder) => PromiseLike<Result>,
  ): Promise<Result> {
    return this.#connected(scope, (connection) => connection.query(name, build))
  }

  /** Runs a query that no request waits for, and that is not prepared. */
  queryInBackground<Result extends QueryResult>(
    name: string,
    build: (db: Builder) => PromiseLike<Result>,
  ): Promise<Result> {
    return this.query(createBackgroundScope(backgroundLimitMs), name, build)
  }

  /** Runs `work` in a transaction, within the time limit of the scope. */
  transaction<T>(scope: QueryScope, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#connected(scope, async (connection) => {
      await connection.client.query('begin')
      try {
        const result = await work(connection)
        await connection.client.query('commit')
        return result
      } catch (thrown) {
        const error = this.#translate(thrown)
        // A lost connection would not answer until its time limit.
        if (!isLost(error)) await connection.client.query('rollback')
        throw error
      }
    })
  }

  /**
   * Opens all connections, so that no request waits for one, and instances of the same code have the same
   * number from the start. Never rejects: a connection that fails now is opened when it is needed.
   */
  async openAllConnections(): Promise<void> {
    const opening = Array.from({ length: this.#size }, () => this.#pool.connect())
    for (const opened of await Promise.allSettled(opening))
      if (opened.status === 'fulfilled') opened.value.release()
  }

  /** Closes the pool. Running queries may finish within `graceMs`. */
  close(graceMs: number): Promise<void> {
    return closePool(this.#pool, graceMs)
  }

  async #connected<T>(scope: QueryScope, work: (connection: Transaction) => Promise<T>): Promise<T> {
    const started = performance.now()
    const limit = Promise.withResolvers<never>()
    const late = (): void => limit.reject(new DatabaseBusy('no answer within the time limit'))
    const timer = setTimeout(late, Math.max(0, scope.deadline - started))
    try {
      return await Promise.race([this.#onConnection(scope, work), limit.promise])
    } finally {
      clearTimeout(timer)
      scope.db.ms += performance.now() - started
    }
  }

  async #onConnection<T>(scope: QueryScope, work: (connection: Transaction) => Promise<T>): Promise<T> {
    if (this.#pool.waitingCount >= this.#size * maxWaitingPerConnection)
      throw new DatabaseBusy(`${this.#pool.waitingCount} queries are already waiting`)
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw this.#translate(error)
    })
    let hasLost = false
    try {
      const result = await work({
        scope,
        client,
        run: (statement, values) =>
          this.#measure(scope, statement.name, () => statement.prepareOn(client).execute(values)),
        query: (name, build) => this.#measure(scope, name, () => build(drizzle(client))),
      })
      this.#setUp(true)
      return result
    } catch (thrown) {
      const error = this.#translate(thrown)
      hasLost = isLost(error)
      throw error
    } finally {
      client.release(hasLost)
    }
  }

  async #measure<Result extends QueryResult>(
    scope: QueryScope,
    name: string,
    execute: () => PromiseLike<Result>,
  ): Promise<Result> {
    const span = scope.span?.(name)
    const started = performance.now()
    scope.db.statements += 1
    try {
      // Measured and translated like the query: callers, metrics and traces see a fault as a slow or absent
      // database.
      const fault = this.#observer.beforeQuery?.(name)
      if (fault !== undefined) await fault
      const result = await execute()
      scope.db.rows += 'rowCount' in result ? (result.rowCount ?? 0) : result.length
      span?.end()
      return result
    } catch (error) {
      span?.end(error)
      throw this.#translate(error)
    } finally {
      this.#observer.queryDone(name, (performance.now() - started) / 1000)
    }
  }

  #translate(error: unknown): unknown {
    if (isLost(error)) return error
    const translated = translateDatabaseError(error)
    if (translated instanceof DatabaseUnavailable) {
      this.#observer.connectionError(translated.message)
      this.#setUp(false)
    }
    return translated
  }

  #setUp(isUp: boolean): void {
    if (this.#isUp === isUp) return
    this.#isUp = isUp
    this.#observer.stateChanged(isUp)
  }
}

/** Whether the connection is of no use any more. An error without a cause is an injected fault. */
function isLost(error: unknown): boolean {
  return error instanceof DatabaseUnavailable && error.cause !== undefined
}
