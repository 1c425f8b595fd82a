import { comparisonDefaults } from './options.ts'

/** One look at a duet that is still running: after how many pairs, and the error it may spend. */
export interface Look {
  pairs: number
  /** For `alpha` of `compareRuns` at this look. */
  alpha: number
  /** For `confidence` of `compareRuns` at this look: a pass too could be looked for until it comes. */
  confidence: number
}

/** After how many pairs a duet of 24 is looked at. */
export const usualLooks = [8, 12, 16, 24] as const

/**
 * The error to spend at each of several looks so that all together spend no more than one comparison may: the k-th of L
 * looks gets the share 2k / (L (L + 1)), little at first, when few pairs make every estimate coarse (α spending: Lan &
 * DeMets 1983, Biometrika 70; the sum holds by Bonferroni whatever the looks have in common). Of .005 at the usual
 * looks at 8, 12, 16 and 24 pairs: .0005, .001, .0015, .002.
 */
export function looksAt(pairs: readonly number[] = usualLooks, alpha: number = comparisonDefaults.alpha, confidence: number = comparisonDefaults.confidence): Look[] {
  const shares = (pairs.length * (pairs.length + 1)) / 2
  return pairs.map((count, index) => {
    const share = (index + 1) / shares
    return { pairs: count, alpha: alpha * share, confidence: 1 - (1 - confidence) * share }
  })
}
