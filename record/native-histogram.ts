/**
 * A bucket is 2^(1/32) wide, so a quantile is at most 2.2 % off. Prometheus adds histograms of other schemas
 * by merging buckets of the finer one.
 */
export const nativeSchema = 5
const bucketsPerOctave = 2 ** nativeSchema

/**
 * What is shorter than a microsecond is in the zero bucket. From there to a minute there are at most 830
 * buckets; the steps of one probe fill some ten of them.
 */
export const nativeZeroThreshold = 2 ** -20

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

/** How often each value occurred, as one series. Values are in seconds, and not below 0. */
export function toNativeSeries(
  labels: NativeSeries['labels'],
  values: readonly (readonly [seconds: number, count: number])[],
  sum: number,
): NativeSeries {
  const counts = new Map<number, number>()
  let zeroCount = 0
  for (const [seconds, count] of values) {
    if (seconds <= nativeZeroThreshold) zeroCount += count
    else {
      const index = toBucketIndex(seconds)
      counts.set(index, (counts.get(index) ?? 0) + count)
    }
  }
  const count = values.reduce((total, [, each]) => total + each, 0)
  return { labels, count, sum, zeroCount, ...toSpans(counts) }
}
