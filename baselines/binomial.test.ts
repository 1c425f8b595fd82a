import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { binomialUpperTail, surelyAbove } from './binomial.ts'

interface Case {
  k: number
  n: number
  p: number
  tail: number
}
const cases = JSON.parse(readFileSync(new URL('fixtures/binomial.json', import.meta.url), 'utf8')) as Case[]

describe('the binomial tail', () => {
  it.each(cases)('agrees with scipy: P(X ≥ $k) of $n at $p', ({ k, n, p, tail }) => {
    if (tail < 1e-300) expect(binomialUpperTail(k, n, p)).toBeLessThan(1e-300)
    else expect(Math.abs(binomialUpperTail(k, n, p) / tail - 1)).toBeLessThan(1e-8)
  })

  it('is a tail: within 0..1 and falling in k', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0.0001, max: 0.9999, noNaN: true }),
        fc.integer({ min: 0, max: 5000 }),
        (n, p, k) => {
          const here = binomialUpperTail(k, n, p)
          expect(here).toBeGreaterThanOrEqual(0)
          expect(here).toBeLessThanOrEqual(1)
          expect(binomialUpperTail(k + 1, n, p)).toBeLessThanOrEqual(here + 1e-9)
        },
      ),
    )
  })

  it('equals the sum of its terms, added up one by one', () => {
    const choose = (n: number, k: number): number =>
      Array.from({ length: k }, (_, i) => (n - i) / (i + 1)).reduce((a, b) => a * b, 1)
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.integer({ min: 0, max: 60 }),
        (n, p, k) => {
          let sum = 0
          for (let i = k; i <= n; i += 1) sum += choose(n, i) * p ** i * (1 - p) ** (n - i)
          expect(binomialUpperTail(k, n, p)).toBeCloseTo(sum, 9)
        },
      ),
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

it('one error in one request is beyond doubt over 0.1 % at 0.005, but not over 1 %', () => {
  expect(surelyAbove(1, 1, 0.001, 0.005)).toBe(true)
  expect(surelyAbove(1, 1, 0.01, 0.005)).toBe(false)
})
