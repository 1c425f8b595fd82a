import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countOf, histogramOf, latencyOf, mergeHistograms, quantile } from '../record/index.ts'
import { Latencies } from './latencies.ts'

// From a microsecond to an hour, as many small as large.
const latencyMs = fc.integer({ min: -3000, max: 6500 }).map((exponent) => 10 ** (exponent / 1000))
const some = fc.array(latencyMs, { minLength: 1, maxLength: 300 })

function latenciesOf(samples: readonly number[]): Latencies {
  const latencies = new Latencies()
  for (const ms of samples) latencies.add(ms)
  return latencies
}

/** Even over the values: a double is even over its representations, most of which are nearly 0. */
const perMille = fc.integer({ min: 0, max: 1000 }).map((count) => count / 1000)

describe('the histogram of latencies', () => {
  test('holds every sample, in buckets of rising bounds of whole microseconds', () => {
    fc.assert(
      fc.property(some, (samples) => {
        const histogram = latenciesOf(samples).histogram()
        expect(countOf(histogram)).toBe(samples.length)
        for (const [index, [upperMs, count]] of histogram.entries()) {
          expect(count).toBeGreaterThan(0)
          expect(Math.abs(upperMs * 1000 - Math.round(upperMs * 1000))).toBeLessThan(1e-3)
          expect(upperMs).toBeGreaterThan(histogram[index - 1]?.[0] ?? 0)
        }
      }),
    )
  })

  test('gives every quantile of the samples to 0.1 % or a microsecond, never too small', () => {
    fc.assert(
      fc.property(some, perMille, (samples, q) => {
        const exact = quantile(histogramOf(samples), q)
        const kept = quantile(latenciesOf(samples).histogram(), q)
        expect(kept).toBeGreaterThanOrEqual(exact - 1e-9)
        expect(kept).toBeLessThanOrEqual(exact * 1.001 + 0.001)
      }),
    )
  })

  test('says the same as the record made of it', () => {
    fc.assert(
      fc.property(some, (samples) => {
        const latencies = latenciesOf(samples)
        const record = latencyOf(latencies.histogram(), latencies.sumMs)
        // A rank is rounded up in records, and to the nearest by HdrHistogram: where they meet they agree.
        expect(latencies.percentile(100)).toBe(record.maxMs)
        expect(record.meanMs).toBeCloseTo(samples.reduce((sum, ms) => sum + ms, 0) / samples.length, 2)
      }),
    )
  })

  test('of two halves, merged, is that of the whole', () => {
    fc.assert(
      fc.property(some, some, (one, other) => {
        expect(mergeHistograms([latenciesOf(one).histogram(), latenciesOf(other).histogram()])).toEqual(
          latenciesOf([...one, ...other]).histogram(),
        )
      }),
    )
  })

  test('takes what is longer than an hour, and nothing at all', () => {
    expect(latenciesOf([1e9]).histogram()).toHaveLength(1)
    expect(latenciesOf([0]).histogram()).toEqual([[0.001, 1]])
    expect(latenciesOf([]).histogram()).toEqual([])
    expect(latenciesOf([]).percentile(95)).toBeUndefined()
  })

  test('reset() forgets all samples', () => {
    const latencies = latenciesOf([1, 2, 3])
    latencies.reset()
    expect([latencies.count, latencies.sumMs, latencies.histogram()]).toEqual([0, 0, []])
  })
})
