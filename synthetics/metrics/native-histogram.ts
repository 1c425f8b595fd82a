import { Histogram } from 'prom-client'
import type { HistogramConfiguration } from 'prom-client'

/**
 * A bucket is 2^(1/32) wide, so a quantile is at most 2.2 % off. Prometheus adds histograms of other schemas
 * by merging buckets of the finer one.
 */
export const schema = 5
const bucketsPerOctave = 2 ** schema

/**
 * What is shorter than a microsecond is in the zero bucket. From there to a minute there are at most 830
 * buckets; the steps of one probe fill some ten of them.
 */
export const zeroThreshold = 2 ** -20

/** Consecutive buckets, as in `BucketSpan` of the Prometheus client model. */
export interface Span {
  /** The index of the first bucket; of later spans: the number of empty buckets since the span before. */
  offset: number
  length: number
}

/** One series of a native histogram at one moment. */
export interface NativeSeries {
  labels: Readonly<Record<string, string>>
  count: number
  sum: number
  zeroCount: number
  spans: Span[]
  /** The count of each bucket, less the count of the bucket before. */
  deltas: number[]
}

/** The largest value of a bucket, 2^(index / 2^schema). It begins above the bound of the bucket before. */
export function toUpperBound(index: number): number {
  return 2 ** (index / bucketsPerOctave)
}

/**
 * The bucket of a value: ⌈log2(value) · 2^schema⌉, as the specification of Prometheus native histograms
 * defines it (prometheus.io/docs/specs/native_histograms, "Buckets").
 *
 * @param value finite and above 0
 */
export function toBucketIndex(value: number): number {
  let index = Math.ceil(Math.log2(value) * bucketsPerOctave)
  // The logarithm is rounded: a value on a bound, or next to one, can come out one bucket off.
  while (value > toUpperBound(index)) index += 1
  while (value <= toUpperBound(index - 1)) index -= 1
  return index
}

/** Buckets as the exposition has them: spans of consecutive ones, and the difference of each to the last. */
export function toSpans(counts: ReadonlyMap<number, number>): Pick<NativeSeries, 'spans' | 'deltas'> {
  const spans: Span[] = []
  const deltas: number[] = []
  let nextIndex = 0
  let previousCount = 0
  for (const [index, count] of [...counts].toSorted(([a], [b]) => a - b)) {
    const last = spans.at(-1)
    if (last !== undefined && index === nextIndex) last.length += 1
    else spans.push({ offset: index - nextIndex, length: 1 })
    deltas.push(count - previousCount)
    nextIndex = index + 1
    previousCount = count
  }
  return { spans, deltas }
}

interface Observations {
  labels: Record<string, string>
  count: number
  sum: number
  zeroCount: number
  counts: Map<number, number>
}

/** A histogram with the classic buckets of prom-client, and with native ones, which that does not have. */
export interface NativeHistogram<L extends string> {
  observe: (labels: Record<L, string>, value: number) => void
  native: () => NativeSeries[]
}

export function createNativeHistogram<L extends string>(
  configuration: HistogramConfiguration<L>,
): NativeHistogram<L> {
  const classic = new Histogram(configuration)
  const byLabels = new Map<string, Observations>()
  return {
    observe: (labels, value) => {
      // Refuses labels that are not declared and values that are not finite.
      classic.observe(labels, value)
      const key = JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      const series = byLabels.get(key) ?? { labels, count: 0, sum: 0, zeroCount: 0, counts: new Map() }
      byLabels.set(key, series)
      series.count += 1
      series.sum += value
      if (value <= zeroThreshold) {
        series.zeroCount += 1
        return
      }
      const index = toBucketIndex(value)
      series.counts.set(index, (series.counts.get(index) ?? 0) + 1)
    },
    native: () =>
      [...byLabels.values()].map(({ labels, count, sum, zeroCount, counts }) => ({
        labels,
        count,
        sum,
        zeroCount,
        ...toSpans(counts),
      })),
  }
}
