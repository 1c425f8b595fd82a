import { DatabaseBusy } from './errors.ts'

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
