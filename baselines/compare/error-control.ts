import { comparisonDefaults } from './options.ts'

/** One look at a duet that is still running: after how many pairs, and the error it may spend. */
export interface InterimAnalysis {
  pairs: number
  /** For `alpha` of `compareRuns` at this look. */
  alpha: number
  /** For `confidence` of `compareRuns` at this look: a pass too could be looked for until it comes. */
  confidence: number
}

/** After how many pairs a duet of 24 is looked at. */
export const defaultAnalysisPairs = [8, 12, 16, 24] as const

/** Of a pass's error, looks that are too early for one get such a part of what the first that is not gets. */
const earlyPassWeight = 0.05

/**
 * The error to spend at each of several looks so that all together spend no more than one comparison may: the k-th of L
 * looks gets the share 2k / (L (L + 1)), little at first, when few pairs make every estimate coarse (α spending: Lan &
 * DeMets 1983, Biometrika 70; the sum holds by Bonferroni whatever the looks have in common). Of .005 at the usual
 * looks at 8, 12, 16 and 24 pairs: .0005, .001, .0015, .002.
 *
 * @param passFrom a red may come early, because a large loss shows early; a pass is for small ones, so what it may spend is kept for
 * looks at this many pairs or more
 */
export function planInterimAnalyses(
  pairs: readonly number[] = defaultAnalysisPairs,
  alpha: number = comparisonDefaults.alpha,
  confidence: number = comparisonDefaults.confidence,
  passFrom = 0,
): InterimAnalysis[] {
  const early = pairs.filter((count) => count < passFrom).length
  const red = toShares(pairs.map((_, index) => index + 1))
  const pass = toShares(pairs.map((_, index) => (index < early ? earlyPassWeight : index + 1 - early)))
  return pairs.map((count, index) => ({
    pairs: count,
    alpha: alpha * (red[index] ?? 0),
    confidence: 1 - (1 - confidence) * (pass[index] ?? 0),
  }))
}

function toShares(weights: readonly number[]): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0)
  return weights.map((weight) => weight / sum)
}

/**
 * Holm's step-down correction: p-values adjusted so that rejecting those under α keeps the chance of one false rejection in
 * the whole family at α, whatever the dependence between the tests (Holm 1979, Scand. J. Statist. 6). In the order given.
 */
export function adjustByHolm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).toSorted((a, b) => a.p - b.p)
  const adjusted = Array.from({ length: pValues.length }, () => 1)
  let most = 0
  for (const [rank, { p, index }] of order.entries()) {
    most = Math.max(most, Math.min(1, p * (pValues.length - rank)))
    adjusted[index] = most
  }
  return adjusted
}
