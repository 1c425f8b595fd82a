import type pg from 'pg'
import { DatabaseBusy, DatabaseUnavailable, translateDatabaseError } from './availability.ts'
import { openPool } from './connections.ts'
import { drizzle } from './drizzle.ts'
import { createBackgroundScope } from './statement.ts'
import type { Builder, Prepared, QueryResult, QueryScope, Statement } from './statement.ts'

/** Receives events of the pool, for metrics, logs and fault injection. */
export interface DatabaseObserver {
  queryDone: (name: string, seconds: number) => void
  connectionError: (message: string) => void
  stateChanged: (up: boolean) => void
  /** Runs before each query. Fault injection waits or throws here. */
  beforeQuery?: ((name: string) => Promise<void> | undefined) | undefined
}

/** Runs statements and queries on one connection. */
export interface Connection {
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

export interface Transaction extends Connection {
  /** The request or job of the transaction. */
  readonly scope: QueryScope
  /** For libraries that write in their caller's transaction. */
  readonly builder: Builder
}

/** More waiting queries are refused, so a slow database does not fill the process with them. */
const maxWaitingPerConnection = 50

const backgroundLimitMs = 10_000

/** The connection pool, with the time limits of a request, and the measurement of each query. */
export class Database {
  readonly #pool: pg.Pool
  readonly #size: number
  readonly #observer: DatabaseObserver
  readonly #builders = new WeakMap<pg.PoolClient, PreparingBuilder>()
  #isUp = true

  private constructor(pool: pg.Pool, size: number, observer: DatabaseObserver) {
    this.#pool = pool
    this.#size = size
    this.#observer = observer
  }

  static async open(url: string, size: number, observer: DatabaseObserver): Promise<Database> {
    return new Database(await openPool(url, size), size, observer)
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
    return this.#inTime(scope, (client) => this.#connect(scope, client).run(statement, values))
  }

  /** Runs a query that no request waits for, and that is not prepared. */
  queryInBackground<Result extends QueryResult>(
    name: string,
    build: (db: Builder) => PromiseLike<Result>,
  ): Promise<Result> {
    return this.query(createBackgroundScope(backgroundLimitMs), name, build)
  }

  /** Runs a query that is not prepared, because it is rare. */
  query<Result extends QueryResult>(
    scope: QueryScope,
    name: string,
    build: (db: Builder) => PromiseLike<Result>,
  ): Promise<Result> {
    return this.#inTime(scope, (client) => this.#connect(scope, client).query(name, build))
  }

  /** Runs `work` in a transaction, within the time limit of the scope. */
  transaction<T>(scope: QueryScope, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#inTime(scope, (client) => {
      const { builder } = this.#builderFor(client)
      return builder.transaction(async (tx) => {
        try {
          return await work({ scope, builder: tx, ...this.#connect(scope, client) })
        } catch (error) {
          // A lost connection must not be asked to roll back: it would not answer until its time limit.
          if (isLost(error)) void client.end()
          throw error
        }
      })
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
  async close(graceMs: number): Promise<void> {
    await waitAtMost(graceMs, this.#pool.end(), () => undefined)
  }

  #connect(scope: QueryScope, client: pg.PoolClient): Connection {
    const builder = this.#builderFor(client)
    return {
      run: (statement, values) =>
        this.#measure(scope, statement.name, () => builder.prepareOnce(statement).execute(values)),
      query: (name, build) => this.#measure(scope, name, () => build(builder.builder)),
    }
  }

  #builderFor(client: pg.PoolClient): PreparingBuilder {
    const known = this.#builders.get(client)
    if (known !== undefined) return known
    const made = new PreparingBuilder(client)
    this.#builders.set(client, made)
    return made
  }

  async #inTime<T>(scope: QueryScope, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const started = performance.now()
    try {
      return await waitAtMost(scope.deadline - started, this.#onClient(work), () => {
        throw new DatabaseBusy('no answer within the time limit')
      })
    } finally {
      scope.db.ms += performance.now() - started
    }
  }

  async #onClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    if (this.#pool.waitingCount >= this.#size * maxWaitingPerConnection)
      throw new DatabaseBusy(`${this.#pool.waitingCount} queries are already waiting`)
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw this.#translate(error)
    })
    let hasLost = false
    try {
      const result = await work(client)
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
    if (error instanceof DatabaseUnavailable && error.cause !== undefined) return error
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

/** The query builder on one connection, and the statements prepared there. */
class PreparingBuilder {
  readonly builder: Builder
  readonly #client: pg.PoolClient
  readonly #prepared = new Map<Statement, Prepared<QueryResult>>()

  constructor(client: pg.PoolClient) {
    this.#client = client
    this.builder = drizzle(client)
  }

  prepareOnce<Result extends QueryResult>(statement: Statement<Result>): Prepared<Result> {
    const known = this.#prepared.get(statement)
    // Stored under the statement that built it, so the type is the same.
    // oxlint-disable-next-line no-unsafe-type-assertion
    if (known !== undefined) return known as Prepared<Result>
    const made = statement.prepare(this.builder, this.#client)
    this.#prepared.set(statement, made)
    return made
  }
}

/** Whether the connection is of no use any more. An error without a cause is an injected fault. */
function isLost(error: unknown): boolean {
  return error instanceof DatabaseUnavailable && error.cause !== undefined
}

/** Settles like `work`, or like `late` after `limitMs`. */
async function waitAtMost<T>(limitMs: number, work: Promise<T>, late: () => T): Promise<T> {
  const limit = Promise.withResolvers<void>()
  const timer = setTimeout(limit.resolve, Math.max(0, limitMs))
  try {
    return await Promise.race([work, limit.promise.then(late)])
  } finally {
    clearTimeout(timer)
  }
}
