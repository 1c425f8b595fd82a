import { Connections, openClient, timeLimits } from './connections.ts'
import { Deadlines, DatabaseBusy, DatabaseUnavailable, translateDatabaseError, Gate } from './availability.ts'
import type { Builder, Prepared, QueryScope, Statement } from './statement.ts'

/** What the pool tells of itself; wired to metrics, logs and fault injection at the entry point. */
export interface DatabaseObserver {
  queryDone(name: string, seconds: number): void
  connectionError(message: string): void
  stateChanged(up: boolean): void
  /** Runs before each query; fault injection waits or throws here. */
  beforeQuery?: (() => Promise<void> | undefined) | undefined
}

/** Runs statements inside a transaction, on its own connection. */
export interface Transaction {
  /** Who it is for. */
  readonly scope: QueryScope
  /** For libraries that write in the transaction of their caller. */
  readonly builder: Builder
  run<Row>(statement: Statement<Row>, values: Record<string, unknown>): Promise<readonly Row[]>
  /** For queries whose shape depends on their input, so that preparing them once is not possible. */
  query<Row>(name: string, build: (db: Builder) => PromiseLike<readonly Row[]>): Promise<readonly Row[]>
}

/**
 * The pool. A statement runs when one of `max` connections is free and within its time limits; when the server does
 * not answer, its connections are dropped, callers are refused at once, and a probe every half second finds out when
 * it is back.
 */
export class Database {
  readonly url: string
  readonly gate: Gate
  #connections: Connections
  #up = true
  #closed = false
  #lost = false
  #checking: Promise<void> | undefined
  readonly #observer: DatabaseObserver
  readonly #deadlines = new Deadlines()

  readonly #leave = (): void => this.gate.leave()

  constructor(url: string, max: number, observer: DatabaseObserver) {
    this.url = url
    this.gate = new Gate(max, max * 50, timeLimits.poolWait)
    this.#connections = new Connections(url, max, 'todo-backend')
    this.#observer = observer
  }

  get up(): boolean {
    return this.#up
  }

  /** Rows of a prepared statement. Rejects with `DatabaseUnavailable` or `DatabaseBusy`, or the server's own error. */
  async run<Row>(
    scope: QueryScope,
    statement: Statement<Row>,
    values: Record<string, unknown>,
  ): Promise<readonly Row[]> {
    if (!this.#up) throw new DatabaseUnavailable('the database does not answer')
    const started = performance.now()
    if (!this.gate.tryEnter()) await this.gate.enter()
    const connections = this.#connections
    // The place is free when the connection is, which may be after the caller has given up.
    const working = this.#measured(
      scope,
      statement.name,
      () => connections.prepared(statement).execute(values),
      this.#leave,
    )
    try {
      return await this.#inTime(scope, working)
    } finally {
      scope.db.ms += performance.now() - started
    }
  }

  /** All of `work` or nothing of it. The time limit is the scope's. */
  async transaction<T>(scope: QueryScope, work: (tx: Transaction) => Promise<T>): Promise<T> {
    if (!this.#up) throw new DatabaseUnavailable('the database does not answer')
    const started = performance.now()
    if (!this.gate.tryEnter()) await this.gate.enter()
    const { builder } = this.#connections
    const working = builder
      .transaction((tx) => work(this.#within(scope, tx)).catch(untilConnectionIsClosed))
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
   * Opens every connection, so that no request waits for one, and instances of the same code have as many from the start.
   * Never rejects: what does not open now is opened when it is needed.
   */
  async fill(): Promise<void> {
    const { client } = this.#connections
    await Promise.allSettled(Array.from({ length: this.gate.places }, async () => client.unsafe('select 1')))
  }

  /** Ends the pool: what runs may finish within `graceMs`. */
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
      // Inside what is measured and translated: to callers, metrics and traces a fault is a slow or absent database.
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
    const limitMs = scope.patient === true ? whole : Math.min(timeLimits.answer, whole)
    return this.#deadlines.within(working, limitMs, () => {
      this.#check()
      return new DatabaseBusy('no answer within the time limit')
    })
  }

  // One failure may be one connection's (an administrator ended it): the server is asked before all callers are refused.
  #check(): void {
    if (this.#closed || this.#checking !== undefined) return
    this.#checking = this.#findOut().finally(() => {
      this.#checking = undefined
    })
  }

  async #findOut(): Promise<void> {
    while (!this.#closed) {
      if (await answers(this.url)) {
        if (!this.#up) this.#turn(true)
        // A connection of the driver's that was lost in the middle of a write does not always come back to life.
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
    this.#connections = new Connections(this.url, this.gate.places, 'todo-backend')
    return replaced
  }
}

/**
 * A transaction that has lost its connection has nothing to roll back on. The driver would write its rollback to a
 * socket that is gone, and throw where nobody can catch it (porsager/postgres#1208): so its work never seems to end, and
 * the driver rejects the whole for the closed connection.
 */
function untilConnectionIsClosed(error: unknown): Promise<never> {
  // Without a cause it is ours, or a fault that is switched on: the connection is still there.
  if (error instanceof DatabaseUnavailable && error.cause !== undefined) return new Promise(() => undefined)
  throw error
}

/** Whether a new connection can be made and answers, within 1 s. */
export async function answers(url: string): Promise<boolean> {
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
