import { lagOneCorrelation, varianceInflation } from '../../record/statistics/index.ts'

/** An estimate with its standard error and the degrees of freedom of its t. */
export interface Estimate {
  value: number
  standardError: number
  degrees: number
}

/**
 * How many values are cut at each end of `count`: one in eight, at least one, so that a single burst never
 * decides.
 */
export function trimmedAtEachEnd(count: number): number {
  return count < 4 ? 0 : Math.max(1, Math.floor(count / 8))
}

/**
 * The trimmed mean of a sample with Yuen's standard error from the winsorised variance: s_w / ((1 − 2g/n)
 * √n), with n − 2g − 1 degrees of freedom (Tukey & McLaughlin 1963; Yuen 1974, Biometrika 61). One burst
 * moves neither, where it would move a mean and widen its interval. The error of one value is not known:
 * Infinity. `leastSpread` is the standard deviation that a value has at the least, because nothing is
 * measured more exactly than its instrument reads.
 */
export function trimmedMean(values: readonly number[], leastSpread = 0): Estimate {
  const n = values.length
  if (n === 0) return { value: Number.NaN, standardError: Number.POSITIVE_INFINITY, degrees: 1 }
  const { mean, squares, kept } = winsorise(values)
  if (n === 1) return { value: mean, standardError: Number.POSITIVE_INFINITY, degrees: 1 }
  const spread = Math.sqrt(squares / (n - 1))
  const standardError = Math.max((spread * Math.sqrt(n)) / kept, leastSpread / Math.sqrt(n))
  return { value: mean, standardError, degrees: kept - 1 }
}

/**
 * The difference of two trimmed means, `candidate` − `baseline`, of samples that are not paired: Yuen's test
 * with Welch's degrees of freedom (Yuen 1974).
 */
export function trimmedDifference(
  baseline: readonly number[],
  candidate: readonly number[],
  leastSpread = 0,
): Estimate {
  const [b, c] = [trimmedMean(baseline), trimmedMean(candidate)]
  const [vb, vc] = [yuenVariance(baseline, b, leastSpread), yuenVariance(candidate, c, leastSpread)]
  const variance = vb + vc
  if (!Number.isFinite(variance))
    return { value: c.value - b.value, standardError: Number.POSITIVE_INFINITY, degrees: 1 }
  const degrees =
    variance === 0 ? b.degrees + c.degrees : variance ** 2 / (vb ** 2 / b.degrees + vc ** 2 / c.degrees)
  return { value: c.value - b.value, standardError: Math.sqrt(variance), degrees }
}

// Yuen's variance of one side, (n − 1) s²_w / (h (h − 1)), which differs a little from that of one sample
// alone.
function yuenVariance(values: readonly number[], { standardError }: Estimate, leastSpread: number): number {
  if (!Number.isFinite(standardError)) return Number.POSITIVE_INFINITY
  const { squares, kept } = winsorise(values)
  return Math.max(squares / (kept * (kept - 1)), leastSpread ** 2 / values.length)
}

/**
 * The trimmed mean, the sum of squares of the winsorised values about their mean, and how many values were
 * not cut.
 */
function winsorise(values: readonly number[]): { mean: number; squares: number; kept: number } {
  const sorted = Float64Array.from(values).toSorted()
  const n = sorted.length
  const cut = trimmedAtEachEnd(n)
  const [low, high] = [sorted[cut] ?? 0, sorted[n - 1 - cut] ?? 0]
  let kept = 0
  for (let i = cut; i < n - cut; i += 1) kept += sorted[i] ?? 0
  const centre = (kept + cut * (low + high)) / n
  let squares = cut * ((low - centre) ** 2 + (high - centre) ** 2)
  for (let i = cut; i < n - cut; i += 1) squares += ((sorted[i] ?? 0) - centre) ** 2
  return { mean: kept / (n - 2 * cut), squares, kept: n - 2 * cut }
}

/**
 * By how much correlation between neighbours in time widens the variance of a mean: (1 + r) / (1 − r) with r
 * the lag-1 correlation (Bartlett 1946), at least 1, r at most 0.8.
 */
export function correlationInflation(values: readonly number[]): number {
  const n = values.length
  if (n < 4) return 1
  const { correlation, squares } = lagOneCorrelation(values, trimmedMean(values).value)
  // The lag-1 correlation of n values is biased downwards by about 1/n (Kendall 1954).
  const r = squares === 0 ? 0 : Math.min(0.8, Math.max(0, correlation + 1 / n))
  return varianceInflation(r)
}

/** Quarters of a side are compared with each other to detect drift. */
const quarters = 4

/**
 * What drift adds to the variance of the difference of two sides, for one of them. A random walk that moves
 * the means of neighbouring quarters by a variance v moves those of neighbouring sides by 4 v (a walk's
 * variance grows with time), half of it on account of each side. What the scatter of single values explains
 * (from successive differences: von Neumann 1941) is taken off.
 */
export function driftVariance(values: readonly number[]): number {
  if (values.length < 2 * quarters) return 0
  const means = Array.from({ length: quarters }, (_, index) =>
    meanOf(
      values.slice(
        Math.round((index * values.length) / quarters),
        Math.round(((index + 1) * values.length) / quarters),
      ),
    ),
  )
  const moved = meanSquareStep(means)
  const scatter = meanSquareStep(values) / (values.length / quarters)
  return 2 * Math.max(0, moved - scatter)
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function meanSquareStep(values: readonly number[]): number {
  return meanOf(values.slice(1).map((value, index) => (value - (values[index] ?? 0)) ** 2))
}
