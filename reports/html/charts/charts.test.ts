import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { histogramOf, quantile } from '../../../record/index.ts'
import { axisNumber, latencyDomain, logAxis } from './frame.ts'
import type { Label } from './percentiles.ts'
import { quantilesOf, boxesAlong, placed } from './percentiles.ts'
import { stretchesOf } from './over-time.ts'

describe('the curve of percentiles', () => {
  it('goes through the very values that percentiles are judged by', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 300 }),
        fc.array(
          fc.integer({ min: 0, max: 1000 }).map((count) => count / 1000),
          { maxLength: 20 },
        ),
        (micros, shares) => {
          const histogram = histogramOf(micros.map((value) => value / 1000))
          const rising = shares.toSorted((a, b) => a - b)
          expect(quantilesOf(histogram, rising)).toEqual(rising.map((q) => quantile(histogram, q)))
        },
      ),
    )
  })
})

describe('the axis of latencies', () => {
  it('holds every value, has ticks within it and no more than asked for', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e15, noNaN: true }), { maxLength: 20 }),
        fc.integer({ min: 2, max: 12 }),
        (values, most) => {
          const axis = logAxis(latencyDomain(values), 300, 20, most)
          for (const value of [...values, ...axis.ticks.map(({ at }) => at)])
            expect(Number.isFinite(axis.at(value))).toBe(true)
          for (const value of values)
            expect(axis.at(value)).toSatisfy((at: number) => at >= 19.999 && at <= 300.001)
          for (const { at } of axis.ticks)
            expect(at).toSatisfy((place: number) => place >= 19.999 && place <= 300.001)
          expect(axis.ticks.length).toBeLessThanOrEqual(most)
        },
      ),
    )
  })

  it('names numbers of any size in the room there is', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1e99, noNaN: true }),
        (value) => axisNumber(Number(value.toPrecision(2))).length <= 7,
      ),
    )
    expect([0, 0.25, 1500, 99_000, 250_000, 1e15].map(axisNumber)).toEqual([
      '0',
      '0.25',
      '1,500',
      '99,000',
      '2.5e5',
      '1e15',
    ])
  })
})

describe('a timeline', () => {
  const point = (
    second: number,
    requests: number,
    errors = 0,
    p95Ms?: number,
  ): { atMs: number; requests: number; errors: number; p95Ms?: number } => ({
    atMs: second * 1000,
    requests,
    errors,
    ...(p95Ms !== undefined && { p95Ms }),
  })

  it('of a day is at most 240 stretches: rates averaged, the worst percentiles kept', () => {
    const { seconds, stretches } = stretchesOf(
      Array.from({ length: 86_400 }, (_, second) => point(second, 10, second % 2, second === 500 ? 900 : 5)),
    )
    expect([seconds, stretches.length]).toEqual([360, 240])
    expect(stretches[1]).toEqual({ fromSecond: 360, requestsPerSecond: 10, errorsPerSecond: 0.5, p95Ms: 900 })
  })

  it('shows a second without an entry as nothing, not as the one before', () => {
    const { stretches } = stretchesOf([point(0, 10, 0, 4), point(3, 8, 8)])
    expect(stretches.map(({ requestsPerSecond, p95Ms }) => [requestsPerSecond, p95Ms])).toEqual([
      [10, 4],
      [0, undefined],
      [0, undefined],
      [8, undefined],
    ])
  })

  it('without an entry has no stretch', () => {
    expect(stretchesOf([]).stretches).toEqual([])
  })
})

describe('labels', () => {
  const room = { left: 0, right: 300, top: 0, bottom: 100 }
  const at = (x: number, y: number, text = 'p95 12 ms'): Label => ({
    x,
    y,
    text,
    anchor: 'start',
    kind: 'strong',
  })

  it('stand at the first place that is free, or not at all', () => {
    expect(
      placed([[at(10, 50)], [at(20, 52), at(20, 80)]], room, []).map(
        (label) => / y="(\d+)"/.exec(label)?.[1],
      ),
    ).toEqual(['50', '80'])
    expect(placed([[at(10, 50)], [at(20, 52)]], room, [])).toHaveLength(1)
  })

  it('keep off the curve and inside the plot', () => {
    expect(
      placed(
        [[at(10, 50)]],
        room,
        boxesAlong([
          [0, 46],
          [300, 46],
        ]),
      ),
    ).toEqual([])
    expect(placed([[at(290, 50)], [at(10, 5)]], room, [])).toEqual([])
  })
})
