/**
 * P(X ≥ k) for X ~ Binomial(n, p): the chance of `k` or more successes. Summed term by term in logarithms from the
 * mode's side, so that it neither under- nor overflows; exact to about 1e-12 for the n of a load run (≤ 10⁸ in O(√n) terms
 * that matter).
 */
export function binomialUpperTail(k: number, n: number, p: number): number {
  if (k <= 0) return 1
  if (k > n || p <= 0) return 0
  if (p >= 1) return 1
  // The smaller tail is summed and the other follows, so the terms fall from the first on.
  return k > n * p ? sumFrom(k, n, p, 1) : 1 - sumFrom(k - 1, n, p, -1)
}

function sumFrom(k: number, n: number, p: number, direction: 1 | -1): number {
  const odds = p / (1 - p)
  let term = Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p))
  let sum = 0
  for (let i = k; i >= 0 && i <= n && (sum === 0 || term > sum * 1e-17); i += direction) {
    sum += term
    term *= direction === 1 ? ((n - i) / (i + 1)) * odds : i / ((n - i + 1) * odds)
    if (term === 0 && sum > 0) break
  }
  return Math.min(1, sum)
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k)
}

/** ln n! by Stirling's series (Abramowitz & Stegun 6.1.41) above 20, exact below. */
function logFactorial(n: number): number {
  if (n <= 20) {
    let product = 1
    for (let i = 2; i <= n; i += 1) product *= i
    return Math.log(product)
  }
  const x = n + 1
  return (
    (x - 0.5) * Math.log(x) -
    x +
    0.5 * Math.log(2 * Math.PI) +
    1 / (12 * x) -
    1 / (360 * x ** 3) +
    1 / (1260 * x ** 5)
  )
}

/**
 * Whether a share is over a limit beyond doubt: `successes` of `trials` would be seen with a chance under `alpha` if the
 * true share were at the limit. The same as the one-sided Clopper–Pearson lower bound lying over the limit.
 */
export function surelyAbove(successes: number, trials: number, limit: number, alpha: number): boolean {
  return binomialUpperTail(successes, trials, limit) < alpha
}
