import type { Bucket, Endpoint, Histogram, Latency, Totals } from './documents/run.ts'

/** How many samples a histogram holds. */
export function countOf(histogram: Histogram): number {
  return histogram.reduce((sum, [, count]) => sum + count, 0)
}

/**
 * The value that a share `q` (0..1) of the samples does not exceed: the upper bound of the bucket that holds
 * the sample of rank ⌈q·n⌉ (nearest rank, so no value is made up between two buckets). NaN for an empty
 * histogram.
 */
export function quantile(histogram: Histogram, q: number): number {
  const n = countOf(histogram)
  const rank = Math.max(1, Math.ceil(q * n - 1e-9))
  let seen = 0
  for (const [upperMs, count] of histogram) {
    seen += count
    if (seen >= rank) return upperMs
  }
  return Number.NaN
}

/**
 * Adds histograms bucket by bucket; bounds need not agree. Merging loses nothing, which averaging percentiles
 * would.
 */
export function mergeHistograms(histograms: readonly Histogram[]): Histogram {
  const counts = new Map<number, number>()
  for (const histogram of histograms) {
    for (const [upperMs, count] of histogram) counts.set(upperMs, (counts.get(upperMs) ?? 0) + count)
  }
  return [...counts].toSorted(([a], [b]) => a - b)
}

/**
 * Exact samples, in milliseconds, to a histogram of µs resolution: one bucket for each distinct microsecond,
 * up to.
 */
export function histogramOf(samplesMs: readonly number[]): Histogram {
  return mergeHistograms(
    samplesMs.map((ms): Histogram => [[Math.ceil(ms * 1000 - 1e-6) / 1000, 1] satisfies Bucket]),
  )
}

/**
 * The latency figures of a histogram. All percentiles and the maximum are the histogram's own; the mean is
 * exact where the writer knows the sum of its samples, else that of the buckets' upper bounds. Zeros for an
 * empty histogram: the caller must check the count first.
 */
export function latencyOf(histogram: Histogram, sumMs?: number): Latency {
  const n = countOf(histogram)
  if (n === 0) return { meanMs: 0, p50Ms: 0, p90Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 }
  const sum = sumMs ?? histogram.reduce((total, [upperMs, count]) => total + upperMs * count, 0)
  return {
    meanMs: roundMicros(sum / n),
    p50Ms: quantile(histogram, 0.5),
    p90Ms: quantile(histogram, 0.9),
    p95Ms: quantile(histogram, 0.95),
    p99Ms: quantile(histogram, 0.99),
    maxMs: quantile(histogram, 1),
  }
}

/** Milliseconds to the µs resolution of records. */
export function roundMicros(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

/** What an engine counted at one step. `latencySumMs` over the answered requests. */
export interface Counts {
  requests: number
  errors: number
  histogram: Histogram
  latencySumMs: number
}

/** One step's figures over `durationMs`; rates count answered requests, which are those in the histogram. */
export function endpointOf(counts: Counts, durationMs: number): Endpoint {
  return { ...totalsOfCounts(counts, durationMs), histogram: counts.histogram }
}

/** The run's figures from its steps', with the arrivals that never became a request. */
export function totalsOf(steps: readonly Counts[], droppedArrivals: number, durationMs: number): Totals {
  const sum = (pick: (counts: Counts) => number): number =>
    steps.reduce((total, counts) => total + pick(counts), 0)
  return totalsOfCounts(
    {
      requests: sum((counts) => counts.requests) + droppedArrivals,
      errors: sum((counts) => counts.errors) + droppedArrivals,
      histogram: mergeHistograms(steps.map((counts) => counts.histogram)),
      latencySumMs: sum((counts) => counts.latencySumMs),
    },
    durationMs,
  )
}

function totalsOfCounts(counts: Counts, durationMs: number): Totals {
  return {
    requests: counts.requests,
    errors: counts.errors,
    errorRate: counts.requests === 0 ? 0 : counts.errors / counts.requests,
    throughputRps: durationMs > 0 ? countOf(counts.histogram) / (durationMs / 1000) : 0,
    latency: latencyOf(counts.histogram, counts.latencySumMs),
  }
}
