import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { binomialTail, regularisedBeta, tCritical, tUpperTail } from './student-t.ts'

interface Fixtures {
  tails: { t: number; df: number; tail: number }[]
  critical: { tail: number; df: number; t: number }[]
  beta: { x: number; a: number; b: number; value: number }[]
  binomial: { k: number; n: number; p: number; tail: number }[]
}
const scipy = JSON.parse(
  readFileSync(new URL('fixtures/student-t.json', import.meta.url), 'utf8'),
) as Fixtures

/** How far off, as a share of what is expected. */
function off(actual: number, expected: number): number {
  return Math.abs(actual - expected) / (Math.abs(expected) + 1e-300)
}

describe("Student's t agrees with scipy", () => {
  it.each(scipy.tails)('P(T > $t) with $df degrees of freedom', ({ t, df, tail }) =>
    expect(off(tUpperTail(t, df), tail)).toBeLessThan(1e-8),
  )
  it.each(scipy.critical)('the t that $tail lies over, with $df', ({ tail, df, t }) =>
    expect(Math.abs(tCritical(tail, df) - t)).toBeLessThan(1e-7 * Math.max(1, Math.abs(t))),
  )
  it.each(scipy.beta)('I($x; $a, $b)', ({ x, a, b, value }) =>
    expect(off(regularisedBeta(x, a, b), value)).toBeLessThan(1e-9),
  )
  it.each(scipy.binomial)('P(X ≥ $k) of $n at $p', ({ k, n, p, tail }) =>
    expect(off(binomialTail(k, n, p), tail)).toBeLessThan(1e-9),
  )
})

it('the critical value is the inverse of the tail', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-12, max: 0.5, noNaN: true }),
      fc.double({ min: 1, max: 400, noNaN: true }),
      (tail, df) => {
        expect(off(tUpperTail(tCritical(tail, df), df), tail)).toBeLessThan(1e-6)
      },
    ),
  )
})

it.each([
  [0, 10, 1, 'none or more always happen'],
  [11, 10, 0, 'more than all never happen'],
])('P(X ≥ %d) of %d is %d: %s', (k, n, expected) => {
  expect(binomialTail(k, n, 0.5)).toBe(expected)
})
