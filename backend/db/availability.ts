/**
 * The database cannot be reached: it refused, closed or is shutting down, or did not answer within the time
 * limit.
 */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable'
}

/**
 * The database is reachable but too busy: no free connection, or a lock or statement beyond its time limit.
 */
export class DatabaseBusy extends Error {
  override name = 'DatabaseBusy'
}

interface CodedError {
  code: string
  message: string
}

// https://www.postgresql.org/docs/18/errcodes-appendix.html, Node's socket errors, and codes of postgres.js.
const unavailableCodes = new RegExp(
  `^(${[
    '08...|57P0[1-5]|58030|CONNECTION_(CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT|ECONN(REFUSED|RESET|ABORTED)',
    'EPIPE|ETIMEDOUT|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|ENOENT',
  ].join('|')})$`,
)
const busyCodes = /^(57014|55P03|25P0[34]|53...|40P01|40001)$/

/** Translates a driver's error about availability. Returns any other error unchanged. */
export function translateDatabaseError(error: unknown): unknown {
  const coded = findCodedCause(error)
  if (coded === undefined) return error
  if (unavailableCodes.test(coded.code))
    return new DatabaseUnavailable(`${coded.code}: ${coded.message}`, { cause: error })
  if (busyCodes.test(coded.code)) return new DatabaseBusy(`${coded.code}: ${coded.message}`, { cause: error })
  return error
}

export function isUniqueViolation(error: unknown): boolean {
  return findCodedCause(error)?.code === '23505'
}

export function isForeignKeyViolation(error: unknown): boolean {
  return findCodedCause(error)?.code === '23503'
}

/** Finds the PostgreSQL or socket error that the query builder wrapped. */
export function findCodedCause(error: unknown): CodedError | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return { code: at.code, message: at.message }
  }
  return undefined
}

interface Waiter {
  admit: () => void
  refuse: (error: DatabaseBusy) => void
  /** On the clock of `performance.now()`. */
  untilMs: number
}

/**
 * Admits at most `size` queries at a time, the others in order of arrival. The queue and the wait are
 * bounded: a query that cannot run in time is refused immediately, so a slow database does not fill the
 * process with waiting requests.
 */
export class ConnectionQueue {
  readonly size: number
  readonly maxWaiting: number
  readonly waitMs: number
  #taken = 0
  /** In order of arrival, which is the order of their time limits: one timer serves all. */
  readonly #waiting = new Set<Waiter>()
  #timer: NodeJS.Timeout | undefined

  constructor(places: number, maxWaiting: number, waitMs: number) {
    this.size = places
    this.maxWaiting = maxWaiting
    this.waitMs = waitMs
  }

  get inUse(): number {
    return this.#taken
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Acquires a connection if one is free, without a turn of the event loop. The caller must {@link release}
   * it.
   */
  tryAcquire(): boolean {
    if (this.#taken >= this.size) return false
    this.#taken += 1
    return true
  }

  /**
   * Waits for a connection. Rejects with {@link DatabaseBusy} if the queue is full or the wait takes too
   * long.
   */
  acquire(): Promise<void> {
    if (this.tryAcquire()) return Promise.resolve()
    if (this.#waiting.size >= this.maxWaiting)
      return Promise.reject(new DatabaseBusy(`${this.#waiting.size} queries are already waiting`))
    return new Promise((admit, refuse) => {
      this.#waiting.add({ admit, refuse, untilMs: performance.now() + this.waitMs })
      this.#refuseIn(this.waitMs)
    })
  }

  /** Releases a connection to the query that has waited longest. */
  release(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#taken -= 1
      return
    }
    this.#waiting.delete(next)
    next.admit()
  }

  #refuseIn(ms: number): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#refuseLate(performance.now())
    }, ms).unref()
  }

  #refuseLate(now: number): void {
    for (const waiter of this.#waiting) {
      if (waiter.untilMs > now) {
        this.#refuseIn(waiter.untilMs - now)
        return
      }
      this.#waiting.delete(waiter)
      waiter.refuse(new DatabaseBusy(`no connection was free within ${this.waitMs} ms`))
    }
  }
}

interface Wait {
  atMs: number
  late: () => void
}

const tickMs = 50

/**
 * Time limits for many short waits. One timer checks all of them every 50 ms; a timer per query would be set
 * and cleared for every query and hardly ever fire.
 */
export class QueryTimeouts {
  readonly #waits = new Set<Wait>()
  #timer: NodeJS.Timeout | undefined

  /** Settles like `work`, or rejects with the error of `late` after `limitMs`. */
  limit<T>(work: Promise<T>, limitMs: number, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait: Wait = { atMs: performance.now() + limitMs, late: () => reject(late()) }
      this.#waits.add(wait)
      this.#timer ??= setInterval(() => this.#tick(), tickMs).unref()
      const settled =
        <Outcome>(settle: (outcome: Outcome) => void) =>
        (outcome: Outcome): void => {
          this.#waits.delete(wait)
          settle(outcome)
        }
      work.then(settled(resolve), settled<unknown>(reject))
    })
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = performance.now()
    for (const wait of this.#waits) {
      if (wait.atMs > now) continue
      this.#waits.delete(wait)
      wait.late()
    }
  }
}
