import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pValueWorse } from './effect.ts'
import { correlationInflation, trimmedAtEachEnd, trimmedDifference, trimmedMean } from './trimmed.ts'

interface Fixtures {
  one: { values: number[]; mean: number; standardError: number; degrees: number; pWorse: number | null }[]
  two: { baseline: number[]; candidate: number[]; t: number; degrees: number; pWorse: number }[]
}
const scipy = JSON.parse(readFileSync(new URL('fixtures/trimmed.json', import.meta.url), 'utf8')) as Fixtures

describe('agrees with scipy', () => {
  it.each(scipy.one.map((fixture) => ({ n: fixture.values.length, ...fixture })))(
    "the trimmed mean of $n and Yuen's error",
    ({ values, mean, standardError, degrees, pWorse: p }) => {
      const estimate = trimmedMean(values)
      expect(estimate.value).toBeCloseTo(mean, 12)
      expect(estimate.standardError).toBeCloseTo(standardError, 12)
      expect(estimate.degrees).toBe(degrees)
      if (p !== null) expect(pValueWorse(estimate)).toBeCloseTo(p, 10)
    },
  )

  it.each(
    scipy.two.map((fixture) => ({ n: fixture.baseline.length, m: fixture.candidate.length, ...fixture })),
  )("Yuen's test of $n against $m", ({ baseline, candidate, t, degrees, pWorse: p }) => {
    const estimate = trimmedDifference(baseline, candidate)
    expect(estimate.value / estimate.standardError).toBeCloseTo(t, 9)
    expect(estimate.degrees).toBeCloseTo(degrees, 9)
    expect(pValueWorse(estimate)).toBeCloseTo(p, 10)
  })
})

describe('degenerate samples', () => {
  it('none has no mean and no certainty', () => {
    expect(trimmedMean([]).value).toBeNaN()
    expect(trimmedMean([]).standardError).toBe(Number.POSITIVE_INFINITY)
  })

  it('one has a mean and no certainty', () => {
    expect(trimmedMean([3])).toMatchObject({ value: 3, standardError: Number.POSITIVE_INFINITY })
    expect(pValueWorse(trimmedMean([3]))).toBe(0.5)
    expect(trimmedDifference([1], [2, 3, 4]).standardError).toBe(Number.POSITIVE_INFINITY)
  })

  it('no spread is no certainty beyond that of the instrument', () => {
    const flat = Array.from({ length: 16 }, () => 0.2)
    expect(trimmedMean(flat).standardError).toBeCloseTo(0, 12)
    expect(trimmedMean(flat, 0.004).standardError).toBeCloseTo(0.001, 12)
    expect(trimmedDifference(flat, flat, 0.004).standardError).toBeCloseTo(0.001 * Math.SQRT2, 12)
    expect(pValueWorse(trimmedMean(Array.from({ length: 16 }, () => 0)))).toBe(1)
  })

  it('all but a few tied: the few are cut away', () => {
    expect(trimmedMean([...Array.from({ length: 14 }, () => 0), 5, -3])).toMatchObject({
      value: 0,
      standardError: 0,
    })
  })
})

it.each([
  [1, 0],
  [3, 0],
  [4, 1],
  [8, 1],
  [15, 1],
  [16, 2],
  [24, 3],
  [48, 6],
])('of %i values %i are cut at each end', (count, cut) => {
  expect(trimmedAtEachEnd(count)).toBe(cut)
})

it('one burst moves the estimate by no more than the spread of the others, however large it is', () => {
  const value = fc.double({ min: -0.2, max: 0.2, noNaN: true })
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 8, maxLength: 40 }),
      fc.double({ min: 1, max: 1e6, noNaN: true }),
      (values, burst) => {
        const { value: estimate } = trimmedMean([...values, burst])
        expect(estimate).toBeLessThanOrEqual(Math.max(...values) + 1e-12)
        expect(estimate).toBeGreaterThanOrEqual(Math.min(...values) - 1e-12)
      },
    ),
  )
})

it('neighbours that are alike widen the interval, alternating ones do not narrow it', () => {
  const wave = Array.from({ length: 40 }, (_, index) => Math.sin(index / 6))
  expect(correlationInflation(wave)).toBeGreaterThan(5)
  expect(correlationInflation(wave.map((_, index) => (-1) ** index))).toBe(1)
  expect(correlationInflation([1, 1, 1, 1, 1])).toBeGreaterThanOrEqual(1)
  expect(correlationInflation([])).toBe(1)
})
