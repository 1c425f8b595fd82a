import { median as medianOf } from '../../record/statistics/index.ts'
import { verdictOf } from '../../baselines/index.ts'
import type { Verdict } from '../../baselines/index.ts'
import type { Run, ServerSide } from '../../record/index.ts'
import type { Try } from './search.ts'

/** What one run at one load showed. Latencies in milliseconds, rates per second, ratios 0..1. */
export interface Sample {
  run: string
  /** Journeys per second, or connections. */
  load: number
  outcome: Try['outcome']
  /** Budgets that were broken, or why nothing could be measured, in words. */
  because: string[]
  throughputRps: number
  meanMs: number
  p50Ms: number
  p95Ms: number
  p99Ms: number
  errorRate: number
  server: ServerSide
  generatorCpuRatio: number | undefined
  /** Of all cores of this machine, when the target is on it. */
  machineBusyRatio: number | undefined
}

/**
 * A judged run as a step of the search. A budget that so short a step cannot judge counts as kept: the search
 * asks where budgets break, and errors in number break them however few requests there are.
 */
export function sampleOf(
  load: number,
  run: Run,
  verdict: Verdict,
  machineBusyRatio: number | undefined,
): Sample {
  const word = verdictOf(verdict.rows)
  const { throughputRps, errorRate, latency } = run.totals
  const wanted = word === 'fail' ? 'fail' : 'invalid'
  return {
    run: run.id,
    load,
    outcome: word === 'invalid' ? 'unmeasured' : word === 'fail' ? 'broke' : 'kept',
    because: verdict.rows.filter(({ status }) => status === wanted).map(({ message }) => message),
    throughputRps,
    errorRate,
    meanMs: latency.meanMs,
    p50Ms: latency.p50Ms,
    p95Ms: latency.p95Ms,
    p99Ms: latency.p99Ms,
    server: run.server ?? {},
    generatorCpuRatio: run.generator?.cpuRatio,
    machineBusyRatio,
  }
}

/** The samples of one load as one: medians, so that one bad moment does not show. */
export interface Level {
  load: number
  samples: Sample[]
  throughputRps: number
  p50Ms: number
  p95Ms: number
  p99Ms: number
  errorRate: number
  outcome: Try['outcome']
}

/** Levels in rising order of load. */
export function levelsOf(samples: readonly Sample[]): Level[] {
  return [...Map.groupBy(samples, ({ load }) => load)]
    .toSorted(([a], [b]) => a - b)
    .map(([load, group]) => {
      const of = (value: (sample: Sample) => number): number => median(group.map(value))
      return {
        load,
        samples: group,
        throughputRps: of((s) => s.throughputRps),
        p50Ms: of((s) => s.p50Ms),
        p95Ms: of((s) => s.p95Ms),
        p99Ms: of((s) => s.p99Ms),
        errorRate: of((s) => s.errorRate),
        outcome: mostOf(group),
      }
    })
}

function mostOf(samples: readonly Sample[]): Try['outcome'] {
  const count = (outcome: Try['outcome']): number =>
    samples.filter((sample) => sample.outcome === outcome).length
  if (count('unmeasured') > count('kept') + count('broke')) return 'unmeasured'
  return count('broke') > count('kept') ? 'broke' : 'kept'
}

/** Of the values that there are; NaN for none. */
export function median(values: readonly number[]): number {
  return medianOf(values.filter((value) => !Number.isNaN(value)))
}
