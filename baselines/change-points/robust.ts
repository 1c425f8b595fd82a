import { median } from '../../record/statistics/index.ts'

/** 1 / Φ⁻¹(3/4): by this the median absolute deviation of normal values is their standard deviation. */
const madToDeviation = 1.482_602_218_505_602

/**
 * The standard deviation estimated from the median absolute deviation, which fewer than half of the values
 * cannot move (Hampel 1974).
 */
export function robustDeviation(values: ArrayLike<number>): number {
  const centre = median(values)
  return madToDeviation * median(Float64Array.from(values, (value) => Math.abs(value - centre)))
}

/** The median of each value and its neighbours, `reach` to each side; fewer at the ends. */
export function runningMedian(values: readonly number[], reach: number): number[] {
  return values.map((_, index) => median(values.slice(Math.max(0, index - reach), index + reach + 1)))
}

/** Values over this many deviations from their neighbours are spikes. */
const spikeDeviations = 4
const spikeReach = 3

/**
 * The series with its spikes taken down to the median of seven neighbours (Hampel's filter; Davies & Gather
 * 1993). A level that lasts for four runs is no spike. Without spread in the residuals nothing is one.
 */
export function removeSpikes(values: readonly number[]): number[] {
  const smooth = runningMedian(values, spikeReach)
  const residuals = values.map((value, index) => value - (smooth[index] ?? 0))
  const limit = spikeDeviations * robustDeviation(residuals)
  return values.map((value, index) =>
    limit > 0 && Math.abs(residuals[index] ?? 0) > limit ? (smooth[index] ?? 0) : value,
  )
}

/** How a series scatters about its level: standard deviation and lag-1 correlation. */
export interface Scatter {
  deviation: number
  correlation: number
}

const mostCorrelation = 0.8

/**
 * Scatter from differences, in which a step is one value and the level none (von Neumann 1941; Hall, Kay &
 * Titterington 1990): for an AR(1) series the variances of first and second differences are 2σ²(1 − ρ) and
 * 2σ²(1 − ρ²), so their ratio is 1 + ρ. Negative correlation is taken as none: believing it would make every
 * step significant.
 */
export function scatterFromDifferences(values: readonly number[]): Scatter {
  const first = differencesAt(values, 1)
  const second = differencesAt(values, 2)
  const [v1, v2] = [robustDeviation(first) ** 2, robustDeviation(second) ** 2]
  if (v1 === 0) return { deviation: Math.sqrt(v2 / 2), correlation: 0 }
  const correlation = Math.min(mostCorrelation, Math.max(0, v2 / v1 - 1))
  return { deviation: Math.sqrt(v1 / (2 * (1 - correlation))), correlation }
}

function differencesAt(values: readonly number[], lag: number): number[] {
  return values.slice(lag).map((value, index) => value - (values[index] ?? 0))
}

/**
 * Scatter from what is left of a series once the level of each of its stretches is taken away. More exact
 * than differences, but only as good as the stretches are: false ones take the wander of the series with
 * them. The correlation of m stretches with estimated levels is biased by about −(1 + 4ρ) m / n (Kendall
 * 1954), which is put back.
 */
export function scatterAroundLevels(values: readonly number[], bounds: readonly number[]): Scatter {
  const residuals = [0, ...bounds].flatMap((from, index) => {
    const stretch = values.slice(from, bounds[index] ?? values.length)
    const mean = stretch.reduce((sum, value) => sum + value, 0) / stretch.length
    return stretch.map((value) => value - mean)
  })
  const squares = residuals.reduce((sum, residual) => sum + residual ** 2, 0)
  const free = values.length - bounds.length - 1
  if (squares === 0 || free < 1) return { deviation: 0, correlation: 0 }
  const lagged = residuals
    .slice(1)
    .reduce((sum, residual, index) => sum + residual * (residuals[index] ?? 0), 0)
  const raw = lagged / squares
  const correlation = Math.min(
    mostCorrelation,
    Math.max(0, raw + ((1 + 4 * raw) * (bounds.length + 1)) / values.length),
  )
  return { deviation: Math.sqrt(squares / free), correlation }
}

/** The scatter under which means are less certain. */
export function pickWider(a: Scatter, b: Scatter): Scatter {
  const longRun = ({ deviation, correlation }: Scatter): number =>
    (deviation ** 2 * (1 + correlation)) / (1 - correlation)
  return longRun(a) >= longRun(b) ? a : b
}

/** The smallest change of an error rate that is reported: a tenth of a per cent of all requests. */
const leastErrorStep = 0.001

/** How a metric is put on a scale where its noise is the same everywhere, and which steps on it matter. */
export interface Scale {
  to: (value: number, requests: number) => number
  leastDeviation: (requests: readonly number[]) => number
  matters: (leastStep: number) => (before: number, after: number) => boolean
}

export const scales: Record<'ratio' | 'rate', Scale> = {
  ratio: {
    to: (value) => Math.log(value),
    // A series without spread is still read no more exactly than this.
    leastDeviation: () => 0.001,
    matters: (leastStep) => (before, after) => Math.abs(after - before) > Math.log1p(leastStep),
  },
  rate: {
    // The arcsine of the root of a share has the same variance, 1 / 4n, whatever the share (Anscombe 1948).
    to: (value, requests) => Math.asin(Math.sqrt((value * requests + 0.375) / (requests + 0.75))),
    leastDeviation: (requests) => 0.5 / Math.sqrt(median(requests)),
    matters: (leastStep) => (before, after) => {
      const [low, high] = [Math.sin(Math.min(before, after)) ** 2, Math.sin(Math.max(before, after)) ** 2]
      return high - low > Math.max(leastErrorStep, low * leastStep)
    },
  },
}
