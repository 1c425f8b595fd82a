/**
 * I_x(a, b), the regularised incomplete beta function, by its continued fraction (Press et al., Numerical Recipes 3rd ed.,
 * §6.4, with Lentz's method). Real a, b > 0; relative error about 1e-12 for the a and b of a comparison.
 */
export function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast on this side of the mean only.
  return x < (a + 1) / (a + b + 2) ? betaFraction(x, a, b) : 1 - betaFraction(1 - x, b, a)
}

function betaFraction(x: number, a: number, b: number): number {
  const front =
    Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a
  let c = 1
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m <= 10_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / awayFromZero(1 + even * d)
    c = awayFromZero(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / awayFromZero(1 + odd * d)
    c = awayFromZero(1 + odd / c)
    const step = d * c
    fraction *= step
    if (Math.abs(step - 1) < 1e-15) break
  }
  return front * fraction
}

function awayFromZero(value: number): number {
  return Math.abs(value) < 1e-300 ? 1e-300 : value
}

const lanczos = [
  0.999_999_999_999_809_9, 676.520_368_121_885_1, -1259.139_216_722_402_8, 771.323_428_777_653_1,
  -176.615_029_162_140_6, 12.507_343_278_686_905, -0.138_571_095_265_720_12, 9.984_369_578_019_572e-6,
  1.505_632_735_149_311_6e-7,
]

/** ln Γ(x) for x > 0 by Lanczos' approximation (g = 7, nine terms). */
function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  let sum = lanczos[0] ?? 0
  for (let i = 1; i < lanczos.length; i += 1) sum += (lanczos[i] ?? 0) / (x - 1 + i)
  const t = x + 6.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}

/** P(T > t) for Student's t with `df` > 0 degrees of freedom, which need not be whole (Abramowitz & Stegun 26.7.1). */
export function tUpperTail(t: number, df: number): number {
  const tail = regularisedBeta(df / (df + t * t), df / 2, 0.5) / 2
  return t >= 0 ? tail : 1 - tail
}

/** The t that is exceeded with probability `tail` (0 < tail < 1): Newton's steps on ln P(T > t), kept within a bracket. */
export function tCritical(tail: number, df: number): number {
  if (tail > 0.5) return -tCritical(1 - tail, df)
  let [low, high] = [0, 2]
  while (tUpperTail(high, df) > tail && high < 1e12) [low, high] = [high, high * 2]
  const logScale = logGamma((df + 1) / 2) - logGamma(df / 2) - 0.5 * Math.log(df * Math.PI)
  let t = (low + high) / 2
  for (let i = 0; i < 100 && high - low > 1e-13 * high; i += 1) {
    const here = tUpperTail(t, df)
    if (here > tail) low = t
    else high = t
    const density = Math.exp(logScale - ((df + 1) / 2) * Math.log1p((t * t) / df))
    const step = (here * Math.log(here / tail)) / density
    const next = t + step
    if (Math.abs(step) < 1e-13 * t) return next
    t = next > low && next < high ? next : (low + high) / 2
  }
  return t
}

/** P(X ≥ k) for X ~ Binomial(n, p) through the beta function, so that k and n need not be whole (Johnson, Kemp & Kotz, §3.6). */
export function binomialTail(k: number, n: number, p: number): number {
  if (k <= 0) return 1
  return k > n ? 0 : regularisedBeta(p, k, n - k + 1)
}
