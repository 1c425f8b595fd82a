import { Connections, openClient, timeLimitsMs } from './connections.ts'
import {
  QueryTimeouts,
  DatabaseBusy,
  DatabaseUnavailable,
  translateDatabaseError,
  ConnectionQueue,
} from './availability.ts'
import type { Builder, Prepared, QueryScope, Statement } from './statement.ts'

/** Receives events of the pool, for metrics, logs and fault injection. */
export interface DatabaseObserver {
  queryDone: (name: string, seconds: number) => void
  connectionError: (message: string) => void
  stateChanged: (up: boolean) => void
  /** Runs before each query. Fault injection waits or throws here. */
  beforeQuery?: (() => Promise<void> | undefined) | undefined
}

/** Runs statements inside a transaction, on its own connection. */
export interface Transaction {
  /** The request or job of the transaction. */
  readonly scope: QueryScope
  /** For libraries that write in their caller's transaction. */
  readonly builder: Builder
  run: <Row>(statement: Statement<Row>, values: Record<string, unknown>) => Promise<readonly Row[]>
  /** For queries whose shape depends on their input, which cannot be prepared once. */
  query: <Row>(name: string, build: (db: Builder) => PromiseLike<readonly Row[]>) => Promise<readonly Row[]>
}

/**
 * The connection pool. A statement runs within its time limits when one of `max` connections is free. When
 * the server does not answer, the pool drops its connections, refuses callers immediately, and checks every
 * half second whether the server answers again.
 */
export class Database {
  readonly url: string
  readonly connectionQueue: ConnectionQueue
  #connections: Connections
  #up = true
  #closed = false
  #lost = false
  #checking: Promise<void> | undefined
  readonly #observer: DatabaseObserver
  readonly #deadlines = new QueryTimeouts()

  readonly #leave = (): void => this.connectionQueue.release()

  constructor(url: string, max: number, observer: DatabaseObserver) {
    this.url = url
    this.connectionQueue = new ConnectionQueue(max, max * 50, timeLimitsMs.poolWait)
    this.#connections = new Connections(url, max, 'todo-backend')
    this.#observer = observer
  }

  get up(): boolean {
    return this.#up
  }

  /**
   * Returns the rows of a prepared statement. Rejects with `DatabaseUnavailable`, `DatabaseBusy` or the
   * server's error.
   */
  async run<Row>(
    scope: QueryScope,
    statement: Statement<Row>,
    values: Record<string, unknown>,
  ): Promise<readonly Row[]> {
    if (!this.#up) throw new DatabaseUnavailable('the database does not answer')
    const started = performance.now()
    if (!this.connectionQueue.tryAcquire()) await this.connectionQueue.acquire()
    const connections = this.#connections
    // Released when the connection is free, which may be after the caller's time limit.
    const working = this.#measured(
      scope,
      statement.name,
      () => connections.prepareOnce(statement).execute(values),
      this.#leave,
    )
    try {
      return await this.#inTime(scope, working)
    } finally {
      scope.db.ms += performance.now() - started
    }
  }

  /** Runs `work` in a transaction, within the time limit of the scope. */
  async transaction<T>(scope: QueryScope, work: (tx: Transaction) => Promise<T>): Promise<T> {
    if (!this.#up) throw new DatabaseUnavailable('the database does not answer')
    const started = performance.now()
    if (!this.connectionQueue.tryAcquire()) await this.connectionQueue.acquire()
    const { builder } = this.#connections
    const working = builder
      .transaction((tx) => work(this.#within(scope, tx)).catch(waitForConnectionClose))
      .catch((error: unknown) => {
        throw this.#translated(error)
      })
      .finally(this.#leave)
    try {
      return await this.#inTime(scope, working)
    } finally {
      scope.db.ms += performance.now() - started
    }
  }

  /**
   * Opens all connections, so that no request waits for one, and instances of the same code have the same
   * number from the start. Never rejects: a connection that fails now is opened when it is needed.
   */
  async openAllConnections(): Promise<void> {
    const { client } = this.#connections
    await Promise.allSettled(
      Array.from({ length: this.connectionQueue.size }, async () => client.unsafe('select 1')),
    )
  }

  /** Closes the pool. Running queries may finish within `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    this.#deadlines.stop()
    await this.#connections.client.end({ timeout: graceMs / 1000 })
  }

  #within(scope: QueryScope, tx: Builder): Transaction {
    return {
      scope,
      builder: tx,
      run: (statement, values) =>
        this.#measured(scope, statement.name, () => statement.build(tx).execute(values)),
      query: (name, build) => this.#measured(scope, name, async () => build(tx)),
    }
  }

  async #measured<Row>(
    scope: QueryScope,
    name: string,
    execute: () => Promise<readonly Row[]>,
    ended?: () => void,
  ): Promise<readonly Row[]> {
    const span = scope.span?.(name)
    const started = performance.now()
    scope.db.statements += 1
    try {
      // Measured and translated like the query: callers, metrics and traces see a fault as a slow or absent
      // database.
      const fault = this.#observer.beforeQuery?.()
      if (fault !== undefined) await fault
      const rows = await execute()
      scope.db.rows += rows.length
      span?.end()
      return rows
    } catch (error) {
      span?.end(error)
      throw this.#translated(error)
    } finally {
      ended?.()
      this.#observer.queryDone(name, (performance.now() - started) / 1000)
    }
  }

  #translated(error: unknown): unknown {
    const translated = translateDatabaseError(error)
    if (translated instanceof DatabaseUnavailable) {
      this.#observer.connectionError(translated.message)
      this.#lost = true
      this.#check()
    }
    return translated
  }

  #inTime<T>(scope: QueryScope, working: Promise<T>): Promise<T> {
    const whole = scope.deadline - performance.now()
    const limitMs = scope.allowsLongStatements === true ? whole : Math.min(timeLimitsMs.answer, whole)
    return this.#deadlines.limit(working, limitMs, () => {
      this.#check()
      return new DatabaseBusy('no answer within the time limit')
    })
  }

  // A failure may concern one connection (an administrator ended it), so the server is checked before all
  // callers are refused.
  #check(): void {
    if (this.#closed || this.#checking !== undefined) return
    this.#checking = this.#findOut().finally(() => {
      this.#checking = undefined
    })
  }

  async #findOut(): Promise<void> {
    while (!this.#closed) {
      if (await canConnect(this.url)) {
        if (!this.#up) this.#turn(true)
        // The driver does not always recover a connection that was lost during a write.
        else if (this.#lost)
          this.#replace()
            .client.end({ timeout: 5 })
            .catch(() => undefined)
        this.#lost = false
        return
      }
      if (this.#up) this.#turn(false)
      await new Promise((resolve) => setTimeout(resolve, 500).unref())
    }
  }

  #turn(up: boolean): void {
    this.#up = up
    this.#observer.stateChanged(up)
    if (!up)
      this.#replace()
        .drop()
        .catch(() => undefined)
  }

  #replace(): Connections {
    const replaced = this.#connections
    this.#connections = new Connections(this.url, this.connectionQueue.size, 'todo-backend')
    return replaced
  }
}

/**
 * A transaction without a connection cannot roll back. The driver would write the rollback to a closed socket
 * and throw an error that no caller can catch (porsager/postgres#1208). So its work never settles, and the
 * driver rejects the transaction because of the closed connection.
 */
function waitForConnectionClose(error: unknown): Promise<never> {
  // An error without a cause comes from this pool or from an injected fault: the connection is still open.
  if (error instanceof DatabaseUnavailable && error.cause !== undefined) return new Promise(() => undefined)
  throw error
}

/** Whether a new connection can be opened and answers within 1 s. */
export async function canConnect(url: string): Promise<boolean> {
  const client = openClient(url, 1, 'todo-backend-check')
  let timer: NodeJS.Timeout | undefined
  try {
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), 1000)
    })
    return await Promise.race([client.unsafe('select 1').then(() => true), late])
  } catch {
    return false
  } finally {
    clearTimeout(timer)
    client.end({ timeout: 0 }).catch(() => undefined)
  }
}

export type { Prepared }
