import { valueQuantile } from '../../../../record/index.ts'
import type { ValueHistogram } from '../../../../record/index.ts'

/** Buckets this wide: half of what a record may have. */
const width = Math.log(1.005)
/** Smaller values count as 0, larger ones as this: 11,000 buckets at most in each direction. */
const [smallest, largest] = [1e-9, 1e15]

/** Values of any unit, negative ones too, in bounded memory. */
export class ScriptValues {
  count = 0
  sum = 0
  last = 0
  /** How many were not 0. */
  nonZero = 0
  #min = Infinity
  #max = -Infinity
  /** By index of the bucket: positive, negative mirrored. */
  readonly #buckets: Map<number, number> | undefined

  constructor(keepsHistogram: boolean) {
    this.#buckets = keepsHistogram ? new Map() : undefined
  }

  add(value: number): void {
    if (!Number.isFinite(value)) return
    this.count += 1
    this.sum += value
    this.last = value
    if (value !== 0) this.nonZero += 1
    this.#min = Math.min(this.#min, value)
    this.#max = Math.max(this.#max, value)
    if (this.#buckets === undefined) return
    const upper = upperBound(value)
    this.#buckets.set(upper, (this.#buckets.get(upper) ?? 0) + 1)
  }

  spread(): { min: number; max: number } {
    return { min: this.#min, max: this.#max }
  }

  percentiles(): { p50: number; p90: number; p95: number; p99: number; histogram: ValueHistogram } {
    // No bound is above the largest value, so that no percentile is.
    const counts = new Map<number, number>()
    for (const [upper, count] of this.#buckets ?? []) {
      const bound = Math.min(upper, this.#max)
      counts.set(bound, (counts.get(bound) ?? 0) + count)
    }
    const histogram = [...counts].toSorted(([a], [b]) => a - b)
    const at = (q: number): number => valueQuantile(histogram, q) ?? 0
    return { p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), histogram }
  }
}

function upperBound(value: number): number {
  const size = Math.min(largest, Math.abs(value))
  if (size < smallest) return 0
  const index = Math.log(size) / width
  // A bound that was rounded to its digits stays in its own bucket. Up, for negative values towards 0.
  const bound = Math.exp((value > 0 ? Math.ceil(index - 0.02) : Math.floor(index + 0.02)) * width)
  return Math.sign(value) * Number(bound.toPrecision(6))
}
