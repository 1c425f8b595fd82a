import { binomialUpperTail } from '../record/statistics/index.ts'

/** Below the minimum number of samples a row fails only at this error probability, one-sided. */
export const certaintyAlpha = 0.005
/** A percentile needs ten samples beyond it to be judged. */
export const samplesBeyond = 10
/**
 * Rule of three: without one error in 3 / limit requests the rate is under the limit with 95 % confidence.
 */
export const ruleOfThree = 3

/**
 * Whether a share is over a limit with statistical certainty: `successes` of `trials` would be seen with a
 * chance under `alpha` if the true share were at the limit. The same as the one-sided Clopper–Pearson lower
 * bound lying over the limit.
 */
export function isCertainlyAbove(successes: number, trials: number, limit: number, alpha: number): boolean {
  return binomialUpperTail(successes, trials, limit) < alpha
}
