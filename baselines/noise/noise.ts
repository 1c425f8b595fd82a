import { isMostlyFailed } from '../verdict.ts'
import type { ComparableRun, Random } from '../../record/index.ts'
import { median } from '../../record/statistics/index.ts'
import { compareRuns } from '../compare/index.ts'
import { smallestDetectableEffect } from '../compare/effect.ts'
import { buildMeasures } from '../compare/measures.ts'
import { comparisonDefaults } from '../compare/options.ts'
import { trimmedMean } from '../compare/trimmed.ts'

/** Units of one pair of processes that ran the same code, the i-th of both sides a pair. */
export interface SameCodeUnits {
  baseline: readonly ComparableRun[]
  candidate: readonly ComparableRun[]
}

export const noiseMetrics = ['p50Ms', 'p95Ms'] as const
export type NoiseMetric = (typeof noiseMetrics)[number]

/** The durations of a duet, in seconds, for which the smallest detectable change is reported. */
export const noiseSeconds = [30, 60, 120] as const

/** What measuring the same code against itself showed of one suite on one machine. */
export interface SuiteNoise {
  units: number
  processPairs: number
  /** Seconds that a unit takes. */
  unitSeconds: number
  metrics: Record<NoiseMetric, MetricNoise>
  falseAlarms: FalseAlarms
}

export interface MetricNoise {
  /** Standard deviation of the logarithm of candidate over baseline from unit to unit. */
  deviation: number
  /** The same between pairs of processes, beyond what units explain; 0 when one pair was measured. */
  betweenProcesses: number
  /** The smallest change, as a share, by seconds of a duet, that it calls a fail eight times in ten. */
  detectable: Record<string, number>
}

/** How often the gate erred on duets drawn from what was measured, 24 units each. */
export interface FalseAlarms {
  drawn: number
  fail: number
  inconclusive: number
}

const drawnUnits = 24

/**
 * The noise of a suite from duets of the same code. Undefined without eight usable units of one pair of
 * processes.
 *
 * @param draws how many duets are drawn to count false alarms: units with replacement from one pair of
 * processes at a time (a bootstrap, Efron 1979), the sides of each swapped at random, because the same code
 * knows no sides (a randomisation, Fisher 1935); what one process has against another is `betweenProcesses`,
 * and why a fail is confirmed on a fresh pair
 */
export function estimateNoise(
  duets: readonly SameCodeUnits[],
  draws: number,
  random: Random,
): SuiteNoise | undefined {
  const usable = duets.filter(
    ({ baseline, candidate }) =>
      baseline.length === candidate.length &&
      baseline.length >= leastUnits &&
      // Figures of a service that fails say nothing about the machine.
      ![...baseline, ...candidate].some(({ totals }) => isMostlyFailed(totals)),
  )
  const units = usable.reduce((sum, { baseline }) => sum + baseline.length, 0)
  const [first] = usable
  if (!first) return undefined
  const unitSeconds =
    median(usable.flatMap(({ baseline }) => baseline.map(({ durationMs }) => (durationMs ?? 0) / 1000))) ||
    2.5
  return {
    units,
    processPairs: usable.length,
    unitSeconds,
    metrics: {
      p50Ms: estimateMetricNoise('p50Ms', usable, unitSeconds),
      p95Ms: estimateMetricNoise('p95Ms', usable, unitSeconds),
    },
    falseAlarms: countFalseAlarms(usable, draws, random),
  }
}

const leastUnits = 8

function estimateMetricNoise(
  metric: NoiseMetric,
  duets: readonly SameCodeUnits[],
  unitSeconds: number,
): MetricNoise {
  const differences = duets.map(({ baseline, candidate }) => {
    const measure = buildMeasures(baseline, candidate, true).find(
      (one) => one.metric === metric && one.step === null,
    )
    return (measure?.baseline ?? [])
      .map((value, index) => (measure?.candidate[index] ?? Number.NaN) - value)
      .filter(Number.isFinite)
  })
  const estimates = differences.map((values) => trimmedMean(values))
  const degrees = differences.reduce((sum, values) => sum + Math.max(0, values.length - 1), 0)
  // As the comparison sees it: Yuen's error times the root of the count is what one unit counts for.
  const variance =
    estimates.reduce(
      (sum, { standardError }, index) =>
        sum +
        standardError ** 2 *
          (differences[index]?.length ?? 0) *
          Math.max(0, (differences[index]?.length ?? 0) - 1),
      0,
    ) / Math.max(1, degrees)
  const means = estimates.map(({ value }) => value)
  const explained =
    means.length < 2
      ? 0
      : estimates.reduce((sum, { standardError }) => sum + standardError ** 2, 0) / means.length
  const betweenProcesses = means.length < 2 ? 0 : Math.sqrt(Math.max(0, sampleVariance(means) - explained))
  const [deviation, family] = [Math.sqrt(variance), countTests(duets)]
  const detectable = Object.fromEntries(
    noiseSeconds.map((seconds) => [
      String(seconds),
      detectableChange(seconds / unitSeconds, deviation, betweenProcesses, family),
    ]),
  )
  return { deviation, betweenProcesses, detectable }
}

/** How many tests a comparison of this suite makes: each has its share of the error. */
function countTests(duets: readonly SameCodeUnits[]): number {
  const [first] = duets
  return first
    ? buildMeasures(first.baseline, first.candidate, true).filter(({ tooFew }) => !tooFew).length + 1
    : 1
}

function detectableChange(
  units: number,
  deviation: number,
  betweenProcesses: number,
  family: number,
): number {
  const count = Math.max(leastUnits, Math.floor(units))
  const standardError = Math.sqrt(deviation ** 2 / count + betweenProcesses ** 2)
  return Math.expm1(
    smallestDetectableEffect(
      { value: 0, standardError, degrees: Math.max(1, Math.round(count * 0.75) - 1) },
      comparisonDefaults.alpha / family,
      0,
    ),
  )
}

function countFalseAlarms(duets: readonly SameCodeUnits[], draws: number, random: Random): FalseAlarms {
  const found = { drawn: draws, fail: 0, inconclusive: 0 }
  for (let i = 0; i < draws; i += 1) {
    const duet = duets[Math.floor(random() * duets.length)]
    if (!duet) continue
    const drawn: Record<keyof SameCodeUnits, ComparableRun[]> = { baseline: [], candidate: [] }
    for (let unit = 0; unit < drawnUnits; unit += 1) {
      const place = Math.floor(random() * duet.baseline.length)
      const [b, c] = [duet.baseline[place], duet.candidate[place]]
      if (!b || !c) continue
      const swapped = random() < 0.5
      drawn.baseline.push(swapped ? c : b)
      drawn.candidate.push(swapped ? b : c)
    }
    const { verdict } = compareRuns(drawn.baseline, drawn.candidate)
    if (verdict === 'fail') found.fail += 1
    if (verdict === 'inconclusive') found.inconclusive += 1
  }
  return found
}

function sampleVariance(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
}
