import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countOf, quantile, roundMicros } from '../../../record/index.ts'
import { toHistogram } from './summary.ts'
import { trendOf } from './testing/summaries.ts'
import { quantileGrid } from './k6-runtime/metrics.ts'

const latencies = fc.array(
  fc.integer({ min: 0, max: 60_000_000 }).map((micros) => micros / 1000),
  { minLength: 1, maxLength: 1500, size: 'max' },
)
const fewValues = fc.array(fc.constantFrom(1, 1.5, 2, 700), { minLength: 1, maxLength: 1500, size: 'max' })
const samples = fc.oneof(latencies, fewValues)
/** Each run sorts and buckets thousands of quantiles. */
const runs = { numRuns: 40 }

describe('the histogram of a metric of which k6 reports quantiles', () => {
  it('holds exactly as many samples as k6 counted, in rising buckets', () => {
    fc.assert(
      fc.property(samples, (values) => {
        const histogram = toHistogram(trendOf(values))
        expect(countOf(histogram)).toBe(values.length)
        expect(
          histogram.every(
            ([upperMs, count], index) => count > 0 && upperMs > (histogram[index - 1]?.[0] ?? -1),
          ),
        ).toBe(true)
      }),
      runs,
    )
  })

  it("has k6's own p50, p90, p95, p99 and maximum to the microsecond", () => {
    fc.assert(
      fc.property(samples, (values) => {
        const trend = trendOf(values)
        const histogram = toHistogram(trend)
        expect(quantile(histogram, 1)).toBe(roundMicros(trend.max))
        for (const percent of [50, 90, 95, 99]) {
          // With few samples the rank of a percentile may be the last, which is the maximum whatever value k6
          // interpolates.
          const isLast = Math.ceil((percent * values.length) / 100 - 1e-9) === values.length
          const expected = isLast
            ? trend.max
            : trend.rises.slice(0, quantileGrid().indexOf(percent) + 1).reduce((a, b) => a + b, 0) / 1000
          expect(quantile(histogram, percent / 100)).toBe(roundMicros(expected))
        }
      }),
      runs,
    )
  })

  it('has any other quantile next to the sample of its rank, give or take the 0.1 % of a bucket', () => {
    fc.assert(
      fc.property(latencies, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, q) => {
        const sorted = values.toSorted((a, b) => a - b)
        const rank = Math.max(1, Math.ceil(q * sorted.length - 1e-9))
        const slack = 1 + Math.ceil(sorted.length / 1000)
        const actual = quantile(toHistogram(trendOf(values)), q)
        expect(actual).toBeGreaterThanOrEqual((sorted[Math.max(0, rank - 1 - slack)] ?? 0) - 0.001)
        expect(actual).toBeLessThanOrEqual(
          (sorted[Math.min(sorted.length - 1, rank - 1 + slack)] ?? 0) + 0.001,
        )
      }),
      runs,
    )
  })

  it.each([1, 2, 19, 100, 999, 2000, 2001, 54_321])(
    'of %i different samples has no bucket with more than 0.1 % of them, or more than one',
    (n) => {
      const histogram = toHistogram(trendOf(Array.from({ length: n }, (_, index) => index + 1)))
      expect(Math.max(...histogram.map(([, count]) => count))).toBeLessThanOrEqual(Math.max(1, n / 1000))
    },
  )
})
