import { countOf, mergeHistograms, quantile } from '../../record/index.ts'
import type { Totals } from '../../record/index.ts'
import { median } from '../../record/statistics/index.ts'
import { recentRuns } from './baseline.ts'
import type { AcceptedRun, Baseline } from './baseline.ts'

/** The levels of the accepted runs that a run is compared with, for charts next to its own. */
export interface BaselineFigures {
  /** Ids of the runs, oldest first. */
  runs: string[]
  overall: BaselineLevels
  steps: Record<string, BaselineLevels>
  /** Of the latency of all steps together, by share of the requests in rising order. */
  band: BandPoint[]
}

/** The lowest and the highest of the accepted runs at one percentile. */
export interface BandPoint {
  /** Share of the requests, 0..1. */
  q: number
  lowestMs: number
  highestMs: number
}

export interface BaselineLevels {
  meanMs: number
  p50Ms: number
  p95Ms: number
  p99Ms: number
  /** Over all requests of all runs. */
  errorRate: number
  throughputRps: number
}

/** Medians over runs, so that one odd run is no level. */
export function toBaselineFigures(baseline: Baseline): BaselineFigures {
  const runs = baseline.runs.slice(-recentRuns)
  const steps = [...new Set(runs.flatMap(({ endpoints }) => Object.keys(endpoints)))].toSorted()
  return {
    runs: runs.map(({ id }) => id),
    overall: medianLevels(runs.map(({ totals }) => totals)),
    steps: Object.fromEntries(
      steps.map((step) => [step, medianLevels(runs.flatMap(({ endpoints }) => endpoints[step] ?? []))]),
    ),
    band: toBand(runs),
  }
}

/** Points per decade of the share beyond them: finer than a chart shows. */
const pointsPerDecade = 12

/** Up to the percentile that the shortest of the runs reached. */
function toBand(runs: readonly AcceptedRun[]): BandPoint[] {
  const pooled = runs
    .map(({ endpoints }) => mergeHistograms(Object.values(endpoints).map(({ histogram }) => histogram)))
    .filter((histogram) => countOf(histogram) > 0)
  if (pooled.length === 0) return []
  const decades = Math.log10(Math.min(...pooled.map(countOf)))
  const steps = Math.max(1, Math.floor(decades * pointsPerDecade))
  return Array.from({ length: steps + 1 }, (_, index) => {
    const q = 1 - 10 ** (-(decades * index) / steps)
    const values = pooled.map((histogram) => quantile(histogram, q))
    return { q, lowestMs: Math.min(...values), highestMs: Math.max(...values) }
  })
}

function medianLevels(totals: readonly Totals[]): BaselineLevels {
  const of = (read: (each: Totals) => number): number => median(totals.map(read))
  const [errors, requests] = [
    sum(totals.map((each) => each.errors)),
    sum(totals.map((each) => each.requests)),
  ]
  return {
    meanMs: of(({ latency }) => latency.meanMs),
    p50Ms: of(({ latency }) => latency.p50Ms),
    p95Ms: of(({ latency }) => latency.p95Ms),
    p99Ms: of(({ latency }) => latency.p99Ms),
    errorRate: requests === 0 ? 0 : errors / requests,
    throughputRps: of(({ throughputRps }) => throughputRps),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
