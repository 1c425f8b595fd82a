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
