import type { Endpoint, Histogram, Totals } from './documents/run.ts'
import { countOf, latencyOf, mergeHistograms } from './histogram.ts'

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
