/** The database cannot be reached: refused, gone, shutting down, or silent beyond its time limit. */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable'
}

/** The database is there but has no time for this: no free connection, a lock or a statement beyond its time limit. */
export class DatabaseBusy extends Error {
  override name = 'DatabaseBusy'
}

interface Coded {
  code: string
  message: string
}

// https://www.postgresql.org/docs/18/errcodes-appendix.html, Node's socket errors, and postgres.js's own codes.
const gone =
  /^(08...|57P0[1-5]|58030|CONNECTION_(CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT|ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)$/
const busy = /^(57014|55P03|25P0[34]|53...|40P01|40001)$/

/** A driver's error as one of ours; anything that is not about availability comes back as it was. */
export function translateDatabaseError(error: unknown): unknown {
  const coded = codedCause(error)
  if (coded === undefined) return error
  if (gone.test(coded.code))
    return new DatabaseUnavailable(`${coded.code}: ${coded.message}`, { cause: error })
  if (busy.test(coded.code)) return new DatabaseBusy(`${coded.code}: ${coded.message}`, { cause: error })
  return error
}

export function isUniqueViolation(error: unknown): boolean {
  return codedCause(error)?.code === '23505'
}

export function isForeignKeyViolation(error: unknown): boolean {
  return codedCause(error)?.code === '23503'
}

/** The PostgreSQL or socket error inside what the query builder wrapped around it. */
export function codedCause(error: unknown): Coded | undefined {
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
 * Admits at most `places` at once, the others in order of arrival. Both the queue and the wait are bounded: work that
 * cannot be served in time is refused at once, so a slow database does not fill the process with requests that wait.
 */
export class Gate {
  readonly places: number
  readonly maxWaiting: number
  readonly waitMs: number
  #taken = 0
  /** In order of arrival, so whose time is up first comes first: one timer does for all. */
  readonly #waiting = new Set<Waiter>()
  #timer: NodeJS.Timeout | undefined

  constructor(places: number, maxWaiting: number, waitMs: number) {
    this.places = places
    this.maxWaiting = maxWaiting
    this.waitMs = waitMs
  }

  get taken(): number {
    return this.#taken
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Takes a place when one is free, without a turn of the event loop. The caller must {@link leave}. */
  tryEnter(): boolean {
    if (this.#taken >= this.places) return false
    this.#taken += 1
    return true
  }

  /** Waits for a place. Rejects with {@link DatabaseBusy} when the queue is full or the wait was too long. */
  enter(): Promise<void> {
    if (this.tryEnter()) return Promise.resolve()
    if (this.#waiting.size >= this.maxWaiting)
      return Promise.reject(new DatabaseBusy(`${this.#waiting.size} queries are waiting already`))
    return new Promise((admit, refuse) => {
      this.#waiting.add({ admit, refuse, untilMs: performance.now() + this.waitMs })
      this.#refuseIn(this.waitMs)
    })
  }

  /** Gives a place back, to the one who has waited longest. */
  leave(): void {
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
 * Time limits for many short waits: one timer looks at all of them every 50 ms, where a timer for each would be set
 * and cleared for every query and never fire.
 */
export class Deadlines {
  readonly #waits = new Set<Wait>()
  #timer: NodeJS.Timeout | undefined

  /** What `work` comes to, or what `late` throws when that takes more than `limitMs`. */
  within<T>(work: Promise<T>, limitMs: number, late: () => Error): Promise<T> {
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
