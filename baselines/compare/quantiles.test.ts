import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { histogramOf, mergeHistograms, quantile } from '../../record/index.ts'
import type { Histogram } from '../../record/index.ts'
import { logQuantile, mixerFor, quantiles, toDistributions } from './quantiles.ts'
import type { Distribution } from './quantiles.ts'

const samples = fc.array(
  fc.integer({ min: 10, max: 60_000_000 }).map((micros) => micros / 1000),
  { minLength: 1, maxLength: 300 },
)
const anyWindow = fc.constantFrom(...Object.values(quantiles).map(({ window }) => window))

function one(histogram: Histogram): Distribution {
  return (
    toDistributions([histogram])[0] ?? {
      logMs: new Float64Array(0),
      weight: new Float64Array(0),
      total: 0,
      samples: 0,
    }
  )
}

describe('a quantile', () => {
  it('scales exactly with the latencies, whatever the buckets', () => {
    fc.assert(
      fc.property(
        samples,
        anyWindow,
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        (values, window, factor) => {
          const histogram = histogramOf(values)
          const scaled = histogram.map(([upperMs, count]) => [upperMs * factor, count] as const)
          expect(logQuantile(one(scaled), window) - logQuantile(one(histogram), window)).toBeCloseTo(
            Math.log(factor),
            9,
          )
        },
      ),
    )
  })

  it('lies between the quantiles of nearest rank at the ends of its window, one sample to each side', () => {
    fc.assert(
      fc.property(samples, anyWindow, (values, window) => {
        const histogram = histogramOf(values)
        const log = logQuantile(one(histogram), window)
        const margin = 1 / values.length
        expect(log).toBeGreaterThanOrEqual(
          Math.log(quantile(histogram, Math.max(0, window.from - margin))) - 1e-9,
        )
        expect(log).toBeLessThanOrEqual(Math.log(quantile(histogram, Math.min(1, window.to + margin))) + 1e-9)
      }),
    )
  })

  it('moves smoothly across coarse buckets: what shifts a tenth of the way is seen as that', () => {
    // 5 to 10 ms in one bucket; the candidate has moved requests from it to the next.
    const before: Histogram = [
      [5, 300],
      [10, 400],
      [25, 300],
    ]
    const after: Histogram = [
      [5, 280],
      [10, 400],
      [25, 320],
    ]
    const shift =
      logQuantile(one(after), quantiles.p50Ms.window) - logQuantile(one(before), quantiles.p50Ms.window)
    expect(shift).toBeGreaterThan(0.01)
    expect(shift).toBeLessThan(0.1)
  })

  it.each([
    ['one sample', [[12.5, 1]], 12.5],
    ['all tied', [[500, 4000]], 500],
    ['zeros, which count as the least a record can hold', [[0, 100]], 0.001],
  ] as [string, Histogram, number][])('of %s is that value', (_, histogram, expected) => {
    for (const { window } of Object.values(quantiles))
      expect(Math.exp(logQuantile(one(histogram), window))).toBeCloseTo(expected, 0.5)
  })

  it('of values that are nearly all tied moves with them', () => {
    for (const { window } of Object.values(quantiles)) {
      const shift =
        logQuantile(
          one([
            [5, 1],
            [550, 3999],
          ]),
          window,
        ) -
        logQuantile(
          one([
            [5, 1],
            [500, 3999],
          ]),
          window,
        )
      expect(shift / Math.log(1.1)).toBeGreaterThan(0.85)
    }
  })

  it('of nothing is not a number', () => {
    expect(logQuantile(one([]), quantiles.p50Ms.window)).toBeNaN()
    expect(logQuantile(one([[3, 0]]), quantiles.p50Ms.window)).toBeNaN()
  })
})

describe('mixing', () => {
  it('of histograms with factor 1 is the distribution of the merged histogram', () => {
    fc.assert(
      fc.property(fc.array(samples, { minLength: 1, maxLength: 6 }), anyWindow, (many, window) => {
        const histograms = many.map((values) => histogramOf(values))
        const merged = one(mergeHistograms(histograms))
        const layers = toDistributions(histograms).map((distribution) => ({ distribution, factor: 1 }))
        const mixed = mixerFor(2000)(layers)
        expect([mixed.samples, mixed.total]).toEqual([merged.samples, merged.total])
        // Equal values of two layers are two points here and one there: they differ by less than the gap to
        // their neighbours.
        expect(Math.abs(logQuantile(mixed, window) - logQuantile(merged, window))).toBeLessThan(0.5)
        for (let i = 1; i < mixed.logMs.length; i += 1)
          expect((mixed.logMs[i] ?? 0) - (mixed.logMs[i - 1] ?? 0)).toBeGreaterThanOrEqual(-1e-7)
      }),
    )
  })

  it('weights steps: one that counts nine times as much decides the median', () => {
    const [fast, slow] = toDistributions([
      histogramOf(Array.from({ length: 50 }, (_, i) => 1 + i / 1000)),
      histogramOf(Array.from({ length: 50 }, (_, i) => 100 + i / 1000)),
    ])
    if (!fast || !slow) throw new Error('two histograms make two distributions')
    const mixer = mixerFor(100)
    const medianOf = (fastFactor: number, slowFactor: number): number => {
      const mixed = mixer([
        { distribution: fast, factor: fastFactor },
        { distribution: slow, factor: slowFactor },
      ])
      return Math.exp(logQuantile(mixed, quantiles.p50Ms.window))
    }
    expect(medianOf(9, 1)).toBeLessThan(2)
    expect(medianOf(1, 9)).toBeGreaterThan(99)
  })

  it('of nothing is nothing', () => {
    expect(mixerFor(0)([]).samples).toBe(0)
  })
})
