import { comparisonDefaults } from './options.ts'

/** One interim analysis of a running duet: after how many pairs, and the error that it may spend. */
export interface InterimAnalysis {
  pairs: number
  /** For `alpha` of `compareRuns` at this analysis. */
  alpha: number
  /** For `confidence` of `compareRuns` at this analysis: repeated analyses could find a false pass too. */
  confidence: number
}

/** The numbers of pairs after which a duet of 24 is analysed. */
export const defaultAnalysisPairs = [8, 12, 16, 24] as const

/**
 * Weight of an analysis that is too early for a pass, as a share of the first that is not, when the error of
 * a pass is divided.
 */
const earlyPassWeight = 0.05

/**
 * The error to spend at each of several interim analyses so that their total is that of one comparison: the
 * k-th of L analyses gets the share 2k / (L (L + 1)), little at first, when few pairs make every estimate
 * coarse (α spending: Lan & DeMets 1983, Biometrika 70; the sum holds by Bonferroni whatever the analyses
 * have in common). Of .005 at the default analyses after 8, 12, 16 and 24 pairs: .0005, .001, .0015, .002.
 *
 * @param passFrom a fail may come early, because a large loss shows early; a pass rules out small ones, so
 * its error is kept for analyses after this many pairs or more
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
 * Holm's step-down correction: p-values adjusted so that rejecting those under α keeps the chance of one
 * false rejection in the family at α, whatever the dependence between the tests (Holm 1979, Scand. J.
 * Statist. 6). In the order given.
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
