import fc from 'fast-check'
import { build } from 'hdr-histogram-js'
import { describe, expect, it } from 'vitest'
import { countOf, histogramOf, latencyOf, mergeHistograms, quantile } from './histogram.ts'

const latencies = fc.array(
  fc.integer({ min: 1, max: 60_000_000 }).map((micros) => micros / 1000),
  { minLength: 1, maxLength: 400 },
)
// Evenly: nine in ten of all floating-point numbers from 0 to 1 are below 1/400, where every rank is 1.
const share = fc.integer({ min: 0, max: 1000 }).map((n) => n / 1000)

describe('a quantile', () => {
  it('is the sample of nearest rank', () => {
    fc.assert(
      fc.property(latencies, share, (samples, q) => {
        const sorted = samples.toSorted((a, b) => a - b)
        const rank = Math.max(1, Math.ceil(q * samples.length - 1e-9))
        expect(quantile(histogramOf(samples), q)).toBe(sorted[rank - 1])
      }),
    )
  })

  it('agrees with HdrHistogram within its bucket width', () => {
    fc.assert(
      fc.property(latencies, share, (samples, q) => {
        const other = build({ numberOfSignificantValueDigits: 5, highestTrackableValue: 2 ** 31 })
        for (const ms of samples) other.recordValue(Math.round(ms * 1000))
        // HdrHistogram rounds the rank to the nearest, we take the rank that holds the share: it may be one
        // sample lower.
        const ours = quantile(histogramOf(samples), q)
        const next = samples.filter((ms) => ms <= ours).length
        const theirs = other.getValueAtPercentile(q * 100) / 1000
        expect(theirs).toBeLessThanOrEqual(ours * 1.0001 + 0.001)
        expect(samples.filter((ms) => ms <= theirs * 1.0001 + 0.001).length).toBeGreaterThanOrEqual(
          Math.min(next - samples.filter((ms) => ms === ours).length, samples.length),
        )
      }),
    )
  })

  it('of an empty histogram is not a number, of one sample is that sample', () => {
    expect(quantile([], 0.5)).toBeNaN()
    expect(quantile([[12.5, 1]], 0)).toBe(12.5)
    expect(quantile([[12.5, 1]], 1)).toBe(12.5)
  })
})

describe('merging', () => {
  it('gives the histogram of all samples together, in any order', () => {
    fc.assert(
      fc.property(latencies, latencies, (a, b) => {
        const together = histogramOf([...a, ...b])
        expect(mergeHistograms([histogramOf(a), histogramOf(b)])).toEqual(together)
        expect(mergeHistograms([histogramOf(b), histogramOf(a)])).toEqual(together)
      }),
    )
  })

  it('loses no sample and keeps the bounds rising', () => {
    fc.assert(
      fc.property(latencies, latencies, (a, b) => {
        const merged = mergeHistograms([histogramOf(a), [], histogramOf(b)])
        expect(countOf(merged)).toBe(a.length + b.length)
        for (const [index, [upperMs]] of merged.entries())
          expect(upperMs).toBeGreaterThan(merged[index - 1]?.[0] ?? -1)
      }),
    )
  })
})

describe('latency figures', () => {
  it('rise from p50 to the maximum', () => {
    fc.assert(
      fc.property(latencies, (samples) => {
        const { p50Ms, p90Ms, p95Ms, p99Ms, maxMs } = latencyOf(histogramOf(samples))
        expect([p50Ms, p90Ms, p95Ms, p99Ms, maxMs]).toEqual(
          [p50Ms, p90Ms, p95Ms, p99Ms, maxMs].toSorted((a, b) => a - b),
        )
        expect(maxMs).toBe(Math.max(...samples))
      }),
    )
  })

  it('take the exact mean where the sum is known, else that of the bounds', () => {
    expect(latencyOf([[10, 2]], 15).meanMs).toBe(7.5)
    expect(
      latencyOf([
        [10, 2],
        [40, 1],
      ]).meanMs,
    ).toBe(20)
  })

  it('are zero without a sample', () => {
    expect(latencyOf([]).p95Ms).toBe(0)
  })
})
