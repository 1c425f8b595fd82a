import fc from 'fast-check'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import {
  nativeZeroThreshold,
  toBucketIndex,
  toNativeSeries,
  toSpans,
  toUpperBound,
} from '../../record/index.ts'
import type { NativeSeries } from '../../record/index.ts'
import { createNativeHistogram } from './native-histogram.ts'

/** Evenly over the octaves from below the zero threshold to an hour. Doubles themselves are mostly tiny. */
const seconds = fc.double({ min: -22, max: 12, noNaN: true }).map((exponent) => 2 ** exponent)
const values = fc.array(fc.oneof(seconds, fc.constant(0)), { minLength: 1, maxLength: 300 })

/** The counts by bucket, as a reader of the exposition restores them. */
function readBuckets({ spans, deltas }: Pick<NativeSeries, 'spans' | 'deltas'>): [number, number][] {
  const indexes: number[] = []
  let next = 0
  for (const { offset, length } of spans) {
    for (let index = next + offset; index < next + offset + length; index += 1) indexes.push(index)
    next += offset + length
  }
  expect(indexes.length).toBe(deltas.length)
  let count = 0
  return indexes.map((index, place) => [index, (count += deltas[place] ?? NaN)])
}

function observe(observed: readonly number[]): NativeSeries {
  const histogram = createNativeHistogram({
    name: 'h',
    help: 'h',
    registers: [new Registry()],
    labelNames: ['a'],
  })
  for (const value of observed) histogram.observe({ a: '1' }, value)
  const [series, ...others] = histogram.native()
  if (series === undefined || others.length > 0) throw new Error('expected one series')
  return series
}

describe('the bucket of a value', () => {
  it('ends at or above it and begins below it', () => {
    fc.assert(
      fc.property(seconds, (value) => {
        const index = toBucketIndex(value)
        expect(toUpperBound(index)).toBeGreaterThanOrEqual(value)
        expect(toUpperBound(index - 1)).toBeLessThan(value)
      }),
    )
  })

  it('is the one that a bound closes, for every bound and its neighbours', () => {
    for (let index = -700; index <= 400; index += 1) {
      const bound = toUpperBound(index)
      const next = bound * (1 + Number.EPSILON)
      // Adding 0 makes -0 a 0, as a Map does with its keys.
      expect([toBucketIndex(bound) + 0, toBucketIndex(next) + 0]).toEqual([index, index + 1])
    }
  })

  it('is one of 32 an octave, with powers of two as bounds', () => {
    expect([toBucketIndex(1), toBucketIndex(2), toBucketIndex(0.5), toUpperBound(96)]).toEqual([
      0, 32, -32, 8,
    ])
  })
})

describe('a native histogram', () => {
  it('counts every observation, in its bucket and in sum', () => {
    fc.assert(
      fc.property(values, (observed) => {
        const series = observe(observed)
        const buckets = readBuckets(series)
        const counted = buckets.reduce((total, [, count]) => total + count, series.zeroCount)
        expect([series.count, counted]).toEqual([observed.length, observed.length])
        expect(series.sum).toBeCloseTo(observed.reduce((total, value) => total + value, 0))
        expect(series.zeroCount).toBe(observed.filter((value) => value <= nativeZeroThreshold).length)
        for (const [index, count] of buckets) {
          const inside = observed.filter(
            (value) =>
              value > nativeZeroThreshold && value <= toUpperBound(index) && value > toUpperBound(index - 1),
          )
          expect(inside.length).toBe(count)
        }
      }),
    )
  })

  it('is the same of values that were counted before', () => {
    fc.assert(
      fc.property(values, (observed) => {
        const series = observe(observed)
        const counted = observed.map((value): [number, number] => [value, 1])
        expect(toNativeSeries({ a: '1' }, counted, series.sum)).toEqual(series)
      }),
    )
  })

  it('has a span for each group of consecutive buckets, with the gap before it', () => {
    const counts = new Map([
      [7, 5],
      [-3, 2],
      [-2, 4],
      [8, 1],
    ])
    expect(toSpans(counts)).toEqual({
      spans: [
        { offset: -3, length: 2 },
        { offset: 8, length: 2 },
      ],
      deltas: [2, 2, 1, -4],
    })
    expect(toSpans(new Map([[0, 3]]))).toEqual({ spans: [{ offset: 0, length: 1 }], deltas: [3] })
  })

  it('is one series for each set of labels, in whatever order they are given', () => {
    const histogram = createNativeHistogram({
      name: 'h',
      help: 'h',
      labelNames: ['a', 'b'],
      registers: [new Registry()],
    })
    histogram.observe({ a: '1', b: '2' }, 1)
    histogram.observe({ b: '2', a: '1' }, 1)
    histogram.observe({ a: '2', b: '1' }, 1)
    expect(histogram.native().map(({ count }) => count)).toEqual([2, 1])
  })

  it('refuses a value that is not a number, without counting it', () => {
    const histogram = createNativeHistogram({ name: 'h', help: 'h', registers: [new Registry()] })
    expect(() => histogram.observe({}, Infinity)).toThrow('not a valid number')
    expect(histogram.native()).toEqual([])
  })
})
