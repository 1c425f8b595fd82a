import type { Measure } from './measures.ts'
import { tCritical, tUpperTail } from '../../record/statistics/index.ts'
import { correlationInflation, driftVariance, trimmedDifference, trimmedMean } from './trimmed.ts'
import type { Estimate } from './trimmed.ts'

/** What a measure came to. Logarithms; over 0 is worse, whatever the measure. */
export interface Effect extends Estimate {
  /** Pairs, or runs of the smaller side, that it rests on. */
  count: number
  /** The baseline's own level, a logarithm. */
  level: number
}

/** The effect over pairs: of neighbours in time, so that what both share cancels. */
export function pairedEffect({ baseline, candidate, worse, leastSpread }: Measure): Effect {
  const both = baseline
    .map((_, index) => index)
    .filter((index) => isNumber(baseline[index]) && isNumber(candidate[index]))
  const differences = both.map((index) => worse * ((candidate[index] ?? 0) - (baseline[index] ?? 0)))
  return {
    ...trimmedMean(differences, leastSpread),
    count: both.length,
    level: trimmedMean(both.map((index) => baseline[index] ?? 0)).value,
  }
}

/**
 * The effect between two sets of runs. Nothing cancels: runs near each other are alike, and the machine may
 * have drifted from one side to the other, so the interval is widened by what each side shows of both.
 */
export function unpairedEffect({ baseline, candidate, worse, leastSpread }: Measure): Effect {
  const [b, c] = [baseline.filter(isNumber), candidate.filter(isNumber)]
  const difference = trimmedDifference(b, c, leastSpread)
  const inflation = Math.max(correlationInflation(b), correlationInflation(c))
  return {
    value: worse * difference.value,
    standardError: Math.sqrt(difference.standardError ** 2 * inflation + driftVariance(b) + driftVariance(c)),
    degrees: difference.degrees,
    count: Math.min(b.length, c.length),
    level: trimmedMean(b).value,
  }
}

function isNumber(value: number | undefined): boolean {
  return value !== undefined && Number.isFinite(value)
}

/** One-sided: how likely an estimate this bad or worse is when the truth is at `limit`. */
export function pValueWorse({ value, standardError, degrees }: Estimate, limit = 0): number {
  return standardError === 0 ? (value > limit ? 0 : 1) : tUpperTail((value - limit) / standardError, degrees)
}

export function pValueBetter({ value, standardError, degrees }: Estimate): number {
  return standardError === 0 ? (value < 0 ? 0 : 1) : tUpperTail(-value / standardError, degrees)
}

/** The lower and upper confidence limits of the true effect, each one-sided at this confidence. */
export function confidenceLimits(
  { value, standardError, degrees }: Estimate,
  confidence: number,
): { lower: number; upper: number } {
  const reach = standardError === 0 ? 0 : tCritical(1 - confidence, degrees) * standardError
  return { lower: value - reach, upper: value + reach }
}

/** Eight times in ten is what "could have been seen" means. */
const power = 0.8

/**
 * The smallest effect that a comparison as exact as this one calls a fail eight times in ten, at level
 * `alpha` and beyond `margin`.
 */
export function smallestDetectableEffect(
  { standardError, degrees }: Estimate,
  alpha: number,
  margin: number,
): number {
  if (standardError === 0) return margin
  return (
    Math.max(margin, tCritical(alpha, degrees) * standardError) +
    tCritical(1 - power, degrees) * standardError
  )
}

/** More than these are no answer to "how many more". */
const maxPairs = 400

/**
 * How many pairs in all would settle what is open, should the estimate stay where it is: until its upper
 * limit is under the margin, or, beyond the margin, until it is significant. Undefined when the true effect
 * seems to be the margin itself.
 */
export function pairsToSettle(
  effect: Effect,
  { alpha, margin, confidence }: { alpha: number; margin: number; confidence: number },
): number | undefined {
  const perPair = effect.standardError * Math.sqrt(effect.count)
  const settles = (pairs: number): boolean => {
    const degrees = Math.max(1, effect.degrees + (pairs - effect.count) * 0.75)
    const standardError = perPair / Math.sqrt(pairs)
    return effect.value < margin
      ? effect.value + tCritical(1 - confidence, degrees) * standardError < margin
      : effect.value > tCritical(alpha, degrees) * standardError
  }
  let [low, high] = [effect.count, maxPairs]
  if (!settles(high)) return undefined
  while (high - low > 1) {
    const midpoint = Math.floor((low + high) / 2)
    if (settles(midpoint)) high = midpoint
    else low = midpoint
  }
  return high
}
