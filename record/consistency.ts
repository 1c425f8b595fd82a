import { countOf, mergeHistograms } from './histogram.ts'
import type { Histogram, Run, Totals } from './documents/run.ts'

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
