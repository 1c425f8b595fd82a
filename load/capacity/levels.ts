import { median } from '../../record/statistics/index.ts'
import { toVerdictWord } from '../../baselines/index.ts'
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
export function toSample(
  load: number,
  run: Run,
  verdict: Verdict,
  machineBusyRatio: number | undefined,
): Sample {
  const word = toVerdictWord(verdict.rows)
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
export function toLevels(samples: readonly Sample[]): Level[] {
  return [...Map.groupBy(samples, ({ load }) => load)]
    .toSorted(([a], [b]) => a - b)
    .map(([load, group]) => {
      const medianOf = (value: (sample: Sample) => number): number => medianOfKnown(group.map(value))
      return {
        load,
        samples: group,
        throughputRps: medianOf((s) => s.throughputRps),
        p50Ms: medianOf((s) => s.p50Ms),
        p95Ms: medianOf((s) => s.p95Ms),
        p99Ms: medianOf((s) => s.p99Ms),
        errorRate: medianOf((s) => s.errorRate),
        outcome: majorityOutcome(group),
      }
    })
}

function majorityOutcome(samples: readonly Sample[]): Try['outcome'] {
  const count = (outcome: Try['outcome']): number =>
    samples.filter((sample) => sample.outcome === outcome).length
  if (count('unmeasured') > count('kept') + count('broke')) return 'unmeasured'
  return count('broke') > count('kept') ? 'broke' : 'kept'
}

/** Of the values that there are; NaN for none. */
export function medianOfKnown(values: readonly number[]): number {
  return median(values.filter((value) => !Number.isNaN(value)))
}

/**
 * How the service did with one value of a setting (the size of its pool, for one): medians over the rounds,
 * with their range.
 */
export interface Setting {
  value: string
  rounds: number
  throughputRps: number
  throughputRange: [number, number]
  p95Ms: number
  /** At most, over the rounds. */
  errorRate: number
}

/**
 * What is within this of the best is as good: more than the rounds differ among themselves on a quiet
 * machine.
 */
const equivalentRatio = 0.95

export function toSetting(value: string, samples: readonly Sample[]): Setting {
  const rates = samples.map(({ throughputRps }) => throughputRps)
  return {
    value,
    rounds: samples.length,
    throughputRps: medianOfKnown(rates),
    throughputRange: [Math.min(...rates), Math.max(...rates)],
    p95Ms: medianOfKnown(samples.map(({ p95Ms }) => p95Ms)),
    errorRate: Math.max(...samples.map(({ errorRate }) => errorRate)),
  }
}

/**
 * The first setting, in the order given (smallest first), whose throughput is as good as the best's and which
 * answered no worse.
 */
export function findSufficient(settings: readonly Setting[]): Setting | undefined {
  const best = Math.max(...settings.map(({ throughputRps }) => throughputRps))
  const fewest = Math.min(...settings.map(({ errorRate }) => errorRate))
  return settings.find(
    ({ throughputRps, errorRate }) => throughputRps >= best * equivalentRatio && errorRate <= fewest + 0.001,
  )
}
