import type { Bucket, Histogram } from './documents/histogram.ts'
import type { Endpoint, Latency, Totals, Run } from './documents/run.ts'

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

/** Values below this many microseconds have a bucket each; above, each octave has half as many buckets. */
const exactMicros = 2048
const perOctave = exactMicros / 2
/** Up to 2⁵³ µs. */
const gridSize = 44 * perOctave

/**
 * Adds any number of histograms in memory that does not grow with them: on a grid of bounds that are at most
 * 0.1 % apart, the one of HdrHistogram with three digits. The sum of the parts is the sum of the whole, to
 * the last count, in whatever order: a value's bucket does not depend on the other values.
 */
export class HistogramSum {
  readonly #counts = new Float64Array(gridSize)
  #end = 0

  readonly add = (upperMs: number, count: number): void => {
    const index = gridIndex(Math.max(0, Math.ceil(upperMs * 1000 - 1e-6)))
    this.#counts[index] = (this.#counts[index] ?? 0) + count
    if (index >= this.#end) this.#end = index + 1
  }

  histogram(): Histogram {
    const buckets: Bucket[] = []
    for (let index = 0; index < this.#end; index += 1) {
      const count = this.#counts[index] ?? 0
      if (count > 0) buckets.push([gridUpperMicros(index) / 1000, count])
    }
    return buckets
  }
}

function gridIndex(micros: number): number {
  if (micros < exactMicros) return micros
  const octave = micros < 2 ** 32 ? 21 - Math.clz32(micros) : Math.floor(Math.log2(micros)) - 10
  return Math.min(gridSize - 1, octave * perOctave + Math.floor(micros / 2 ** octave))
}

function gridUpperMicros(index: number): number {
  if (index < exactMicros) return index
  const octave = Math.floor(index / perOctave) - 1
  return (index - octave * perOctave + 1) * 2 ** octave - 1
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

/** Writers round. */
const tolerance = 0.02
/** A histogram made from an engine's quantiles knows its mean only about. */
const meanTolerance = 0.05
const meanToleranceMs = 1

/**
 * The first figure of a record that its histograms contradict: a digit was changed, or a total was made up.
 * One line, undefined if there is none. Stricter than reading a record: a comparison takes records of other
 * tools as they are, but later runs are compared with an accepted one for months.
 *
 * Another writer may leave failed requests out of its histograms. A dropped arrival belongs to no step.
 */
export function findContradiction(
  run: Pick<Run, 'totals' | 'endpoints' | 'durationMs' | 'generator'>,
): string | undefined {
  const steps = Object.entries(run.endpoints)
  for (const [step, endpoint] of steps) {
    const problem = contradictionOf(endpoint, endpoint.histogram, run.durationMs)
    if (problem !== undefined) return `endpoints[${JSON.stringify(step)}].${problem}`
  }
  const sum = (pick: (totals: Totals) => number): number =>
    steps.reduce((total, [, endpoint]) => total + pick(endpoint), 0)
  const dropped = run.totals.errors - sum(({ errors }) => errors)
  const known = run.generator?.droppedArrivals ?? dropped
  const requests = sum((endpoint) => endpoint.requests)
  const from = (count: number): string => `expected ${count} of its endpoints and ${known} dropped arrivals`
  if (run.totals.requests !== requests + known)
    return `totals.requests: found ${run.totals.requests}, ${from(requests)}`
  if (dropped !== known)
    return `totals.errors: found ${run.totals.errors}, ${from(run.totals.errors - dropped)}`
  const all = mergeHistograms(steps.map(([, { histogram }]) => histogram))
  const problem = contradictionOf(run.totals, all, run.durationMs)
  return problem === undefined ? undefined : `totals.${problem}`
}

function contradictionOf(totals: Totals, histogram: Histogram, durationMs: number): string | undefined {
  const { requests, errors, throughputRps, latency } = totals
  const samples = countOf(histogram)
  if (samples > requests || samples < requests - errors)
    return `requests: found ${requests} (${errors} errors), but the histogram holds ${samples} samples`
  const seconds = durationMs / 1000
  const [least, most] = [(requests - errors) / seconds, requests / seconds]
  if (durationMs > 0 && !isWithin(throughputRps, least, most, tolerance))
    return `throughputRps: found ${throughputRps}, expected ${formatRange(least, most)}`
  if (samples === 0) return undefined
  const quantiles = [
    ['p50Ms', 0.5],
    ['p90Ms', 0.9],
    ['p95Ms', 0.95],
    ['p99Ms', 0.99],
    ['maxMs', 1],
  ] as const
  for (const [name, q] of quantiles) {
    const [from, to] = bucketAt(histogram, q * samples)
    if (!isWithin(latency[name], from, to, 1e-6))
      return `latency.${name}: found ${latency[name]}, expected ${formatRange(from, to)} by the histogram`
  }
  const [low, high] = meanRange(histogram, samples)
  return isWithin(latency.meanMs, low - meanToleranceMs, high + meanToleranceMs, meanTolerance)
    ? undefined
    : `latency.meanMs: found ${latency.meanMs}, expected ${formatRange(low, high)} by the histogram`
}

/** The bounds of the bucket that holds the sample of a rank. */
function bucketAt(histogram: Histogram, rank: number): [number, number] {
  let [seen, from] = [0, 0]
  for (const [upperMs, count] of histogram) {
    seen += count
    if (count > 0 && seen >= Math.max(1, Math.ceil(rank - 1e-9))) return [from, upperMs]
    from = upperMs
  }
  return [from, from]
}

/** The mean if every sample lay at the lower bound of its bucket, and at the upper one. */
function meanRange(histogram: Histogram, samples: number): [number, number] {
  let [low, high, from] = [0, 0, 0]
  for (const [upperMs, count] of histogram) {
    low += from * count
    high += upperMs * count
    from = upperMs
  }
  return [low / samples, high / samples]
}

function isWithin(value: number, from: number, to: number, relative: number): boolean {
  return value >= from - Math.abs(from) * relative - 1e-3 && value <= to + Math.abs(to) * relative + 1e-3
}

function formatRange(from: number, to: number): string {
  const [low, high] = [from, to].map((value) => String(Number(value.toPrecision(6))))
  return low === high ? `${low}` : `${low} to ${high}`
}
