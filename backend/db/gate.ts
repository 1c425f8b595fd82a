import { DatabaseBusy } from './errors.ts'

interface Waiter {
  admit: () => void
  timer: NodeJS.Timeout
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
  readonly #waiting = new Set<Waiter>()

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
    if (this.#waiting.size >= this.maxWaiting) return Promise.reject(new DatabaseBusy(`${this.#waiting.size} queries are waiting already`))
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        admit: resolve,
        timer: setTimeout(() => {
          this.#waiting.delete(waiter)
          reject(new DatabaseBusy(`no connection was free within ${this.waitMs} ms`))
        }, this.waitMs),
      }
      this.#waiting.add(waiter)
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
    clearTimeout(next.timer)
    next.admit()
  }
}
