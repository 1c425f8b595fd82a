import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { binomialUpperTail, normalUpperTail, regularisedBeta, tCritical, tUpperTail } from './statistics.ts'

interface Fixtures {
  tails: { t: number; df: number; tail: number }[]
  critical: { tail: number; df: number; t: number }[]
  beta: { x: number; a: number; b: number; value: number }[]
  binomial: { k: number; n: number; p: number; tail: number }[]
}
function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), 'utf8'))
}
const scipy = readFixture('student-t') as Fixtures

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
    expect(off(binomialUpperTail(k, n, p), tail)).toBeLessThan(1e-9),
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

interface BinomialCase {
  k: number
  n: number
  p: number
  tail: number
}
/** A number of trials, their probability, and a number of successes. */
function trials(most: number, rarest: number): fc.Arbitrary<[n: number, p: number, k: number]> {
  return fc.tuple(
    fc.integer({ min: 1, max: most }),
    fc.double({ min: rarest, max: 1 - rarest, noNaN: true }),
    fc.integer({ min: 0, max: most }),
  )
}
const binomial = readFixture('binomial') as BinomialCase[]

describe('the binomial tail', () => {
  it.each(binomial)('agrees with scipy: P(X ≥ $k) of $n at $p', ({ k, n, p, tail }) => {
    if (tail < 1e-300) expect(binomialUpperTail(k, n, p)).toBeLessThan(1e-300)
    else expect(Math.abs(binomialUpperTail(k, n, p) / tail - 1)).toBeLessThan(1e-8)
  })

  it('is a tail: within 0..1 and falling in k', () => {
    fc.assert(
      fc.property(trials(5000, 0.0001), ([n, p, k]) => {
        const here = binomialUpperTail(k, n, p)
        expect(here).toBeGreaterThanOrEqual(0)
        expect(here).toBeLessThanOrEqual(1)
        expect(binomialUpperTail(k + 1, n, p)).toBeLessThanOrEqual(here + 1e-9)
      }),
    )
  })

  it('equals the sum of its terms, added up one by one', () => {
    const choose = (n: number, k: number): number =>
      Array.from({ length: k }, (_, i) => (n - i) / (i + 1)).reduce((a, b) => a * b, 1)
    fc.assert(
      fc.property(trials(60, 0.01), ([n, p, k]) => {
        let sum = 0
        for (let i = k; i <= n; i += 1) sum += choose(n, i) * p ** i * (1 - p) ** (n - i)
        expect(binomialUpperTail(k, n, p)).toBeCloseTo(sum, 9)
      }),
    )
  })

  it.each([
    [0, 10, 0.5, 1, 'none or more always happen'],
    [11, 10, 0.5, 0, 'more than all never happen'],
    [1, 10, 0, 0, 'the impossible never happens'],
    [10, 10, 1, 1, 'the certain always happens'],
  ])('P(X ≥ %i) of %i at %d is %d: %s', (k, n, p, expected) => {
    expect(binomialUpperTail(k, n, p)).toBe(expected)
  })
})

it.each(readFixture('normal') as { z: number; tail: number }[])(
  'P(Z > $z) agrees with scipy',
  ({ z, tail }) => expect(Math.abs(normalUpperTail(z) / tail - 1)).toBeLessThan(1e-10),
)
