/**
 * P(Z > z) for the standard normal: the series of erf below 3 (Abramowitz & Stegun 7.1.6), the continued fraction of erfc
 * above (7.1.14). Relative error about 1e-12, to the end of what a double can hold.
 */
export function normalUpperTail(z: number): number {
  if (z < 0) return 1 - normalUpperTail(-z)
  return z < 3 ? 0.5 - series(z) : fraction(z)
}

function series(z: number): number {
  let term = z
  let sum = z
  for (let n = 1; n < 200 && Math.abs(term) > 1e-17 * sum; n += 1) {
    term *= (z * z) / (2 * n + 1)
    sum += term
  }
  return density(z) * sum
}

function fraction(z: number): number {
  let tail = z
  for (let k = 200; k >= 1; k -= 1) tail = z + k / tail
  return density(z) / tail
}

function density(z: number): number {
  return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)
}
