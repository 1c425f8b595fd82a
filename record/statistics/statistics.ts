import { createRequire } from 'node:module'
import type betainc from '@stdlib/math-base-special-betainc'
import type normalCdf from '@stdlib/stats-base-dists-normal-cdf'
import type tCdf from '@stdlib/stats-base-dists-t-cdf'
import type tQuantile from '@stdlib/stats-base-dists-t-quantile'

const require = createRequire(import.meta.url)

// The library is 400 CommonJS files that take 0.15 s to load: loaded by the first probability, so that a
// command that computes none does not wait for it.
function once<T>(load: () => T): () => T {
  let loaded: { value: T } | undefined
  return () => (loaded ??= { value: load() }).value
}
// `require` is untyped; each annotation names the types that the package itself declares.
const beta = once((): typeof betainc => require('@stdlib/math-base-special-betainc'))
const normal = once((): typeof normalCdf => require('@stdlib/stats-base-dists-normal-cdf'))
const t = once((): typeof tCdf => require('@stdlib/stats-base-dists-t-cdf'))
const tInverse = once((): typeof tQuantile => require('@stdlib/stats-base-dists-t-quantile'))

/** I_x(a, b), the regularised incomplete beta function, for real a, b > 0. */
export function regularisedBeta(x: number, a: number, b: number): number {
  return beta()(x, a, b)
}

/** P(T > t) for Student's t with `degrees` > 0 degrees of freedom, which need not be whole. */
export function tUpperTail(value: number, degrees: number): number {
  return t()(-value, degrees)
}

/** The t that is exceeded with probability `tail` (0 < tail < 1). */
export function tCritical(tail: number, degrees: number): number {
  return -tInverse()(tail, degrees)
}

/**
 * P(X ≥ k) for X ~ Binomial(n, p): the chance of `k` or more successes. Through the beta function, so that k
 * and n need not be whole (Johnson, Kemp & Kotz, §3.6): counts divided by their over-dispersion are not.
 */
export function binomialUpperTail(k: number, n: number, p: number): number {
  if (k <= 0) return 1
  return k > n ? 0 : regularisedBeta(p, k, n - k + 1)
}

/** P(Z > z) for the standard normal. */
export function normalUpperTail(z: number): number {
  return normal()(-z, 0, 1)
}

/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).toSorted()
  const half = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2
}

/**
 * How the deviations of a series from its `centre` resemble those before them, and the sum of their squares.
 */
export function lagOneCorrelation(
  values: readonly number[],
  centre: number,
): { correlation: number; squares: number } {
  let [lagged, squares] = [0, 0]
  for (const [index, value] of values.entries()) {
    squares += (value - centre) ** 2
    if (index > 0) lagged += (value - centre) * ((values[index - 1] ?? 0) - centre)
  }
  return { correlation: squares === 0 ? 0 : lagged / squares, squares }
}

/**
 * By how much the variance of a mean grows when each value resembles the one before: (1 + r) / (1 − r) for a
 * series of lag-1 correlation r < 1 (Bartlett 1946).
 */
export function varianceInflation(correlation: number): number {
  return (1 + correlation) / (1 - correlation)
}
