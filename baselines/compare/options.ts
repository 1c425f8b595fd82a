/** How strictly two sets of runs are compared. Everything may be left out. */
export interface ComparisonOptions {
  /** Loss that is accepted, as a share (0.05 = 5 %), for all but p99. */
  margin?: number
  /** The same for p99; twice the margin when only that is given. */
  p99Margin?: number
  /** Fail only when the complete interval is beyond the margin, not just the estimate. */
  strict?: boolean
  /**
   * Chance of a false fail, over the verdict; `planInterimAnalyses` divides it among the analyses of a duet.
   */
  alpha?: number
  /** One-sided confidence of the limits that a pass rests on. */
  confidence?: number
}

export const comparisonDefaults = {
  margin: 0.05,
  p99Margin: 0.1,
  strict: false,
  alpha: 0.003,
  confidence: 0.95,
} as const satisfies Required<ComparisonOptions>

/**
 * Fewer pairs decide nothing: the trimmed mean of seven has four degrees of freedom, and one burst is a
 * seventh of all that is known.
 */
export const minPairs = 8

/**
 * Runs that are not interleaved share no machine state that could cancel: they need more evidence to be
 * called slower.
 */
export const unpairedAlphaShare = 0.2

export type Rules = Required<ComparisonOptions>

export function toRules(options: ComparisonOptions): Rules {
  const margin = options.margin ?? comparisonDefaults.margin
  return {
    margin,
    p99Margin: options.p99Margin ?? Math.max(margin, 2 * margin),
    strict: options.strict ?? comparisonDefaults.strict,
    alpha: options.alpha ?? comparisonDefaults.alpha,
    confidence: options.confidence ?? comparisonDefaults.confidence,
  }
}
