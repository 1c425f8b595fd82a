import { Int32Histogram } from 'hdr-histogram-js'
import type { Histogram } from '../record/index.ts'

// An hour: longer than any request waits, also where this process itself was stopped meanwhile.
const highestMicros = 3_600_000_000

/**
 * Latencies in whole microseconds, each kept to within 0.1 %, in memory that does not grow with their number.
 */
export class Latencies {
  sumMs = 0
  readonly #micros = new Int32Histogram(1, highestMicros, 3)

  get count(): number {
    return this.#micros.totalCount
  }

  add(ms: number): void {
    // Up, as a record's bounds are upper ones; HdrHistogram itself would cut fractions off.
    this.#micros.recordValue(Math.min(highestMicros, Math.max(1, Math.ceil(ms * 1000 - 1e-6))))
    this.sumMs += ms
  }

  /** Milliseconds; undefined without samples. */
  percentile(percent: number): number | undefined {
    return this.count === 0 ? undefined : this.#micros.getValueAtPercentile(percent) / 1000
  }

  /** Of a second; nothing without samples. */
  percentiles(): { p50Ms?: number; p95Ms?: number; p99Ms?: number } {
    const [p50Ms, p95Ms, p99Ms] = [50, 95, 99].map((percent) => this.percentile(percent))
    if (p50Ms === undefined || p95Ms === undefined || p99Ms === undefined) return {}
    return { p50Ms, p95Ms, p99Ms }
  }

  /** As a record holds it: counts by the upper bound of their bucket, which sum to `count`. */
  histogram(): Histogram {
    const buckets: [number, number][] = []
    for (let index = 0; index < this.#micros.countsArrayLength; index += 1) {
      const count = this.#micros.getCountAtIndex(index)
      if (count > 0)
        buckets.push([this.#micros.highestEquivalentValue(this.#micros.valueFromIndex(index)) / 1000, count])
    }
    return buckets
  }

  reset(): void {
    this.#micros.reset()
    this.sumMs = 0
  }
}
