import type { TimelinePoint } from '../../../record/index.ts'
import { Latencies } from './latency.ts'

/** What became of the requests, second by second, each in the second it ended in. */
export class Timeline {
  #points: TimelinePoint[] = []
  readonly #latencies = new Latencies()
  #requests = 0
  #errors = 0
  #origin: number
  #second = 0

  /** @param origin when second 0 begins, on the clock of all times given here */
  constructor(origin: number) {
    this.#origin = origin
  }

  /** @param latencyMs undefined when there was no answer */
  add(endedAt: number, latencyMs: number | undefined, failed: boolean): void {
    this.advance(endedAt)
    this.#requests += 1
    if (failed) this.#errors += 1
    if (latencyMs !== undefined) this.#latencies.add(latencyMs)
  }

  /** Closes the seconds that are over; one in which nothing ended is a point too. */
  advance(now: number): void {
    const second = Math.floor((now - this.#origin) / 1000)
    while (this.#second < second) this.#closeSecond()
  }

  /** The last second that is over. */
  last(): TimelinePoint | undefined {
    return this.#points.at(-1)
  }

  /** All points; the second under way too, when anything ended in it. */
  finish(): TimelinePoint[] {
    if (this.#requests > 0) this.#closeSecond()
    return this.#points
  }

  #closeSecond(): void {
    const p95Ms = this.#latencies.percentile(95)
    this.#points.push({
      atMs: this.#second * 1000,
      requests: this.#requests,
      errors: this.#errors,
      ...(p95Ms !== undefined && { p95Ms }),
    })
    this.#second += 1
    this.#requests = 0
    this.#errors = 0
    this.#latencies.reset()
  }
}
