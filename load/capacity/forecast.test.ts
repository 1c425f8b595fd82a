import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { forecast } from './forecast.ts'
import type { Point } from './forecast.ts'
import { estimateInflation, theilSen } from './forecast.ts'

const dayMs = 86_400_000
const start = Date.parse('2026-01-01T12:00:00Z')
const days = (values: readonly number[]): Point[] =>
  values.map((value, day) => ({ atMs: start + day * dayMs, value }))

describe('the trend', () => {
  const cases: { x: number[]; y: number[]; slope: number; low: number; high: number }[] = JSON.parse(
    readFileSync(new URL('fixtures/theil-sen.json', import.meta.url), 'utf8'),
  )

  it.each(cases.map((one) => [one.x.length, one] as const))(
    'of %i days is that of scipy, with its interval',
    (_n, { x, y, slope, low, high }) => {
      const found = theilSen(x, y)
      for (const [ours, theirs] of [
        [found.middle, slope],
        [found.low, low],
        [found.high, high],
      ] as const)
        expect(ours).toBeCloseTo(theirs, 6)
    },
  )

  it('is not moved by a fifth of spoilt days', () => {
    const values = Array.from({ length: 40 }, (_, day) => (day % 5 === 3 ? 1e9 : 100 + 2 * day))
    const clean = theilSen(
      values.map((_, day) => day),
      values.map((_, day) => 100 + 2 * day),
    )
    const spoilt = theilSen(
      values.map((_, day) => day),
      values,
    )
    expect(spoilt.middle).toBeCloseTo(clean.middle, 5)
  })

  it('is less sure when each day resembles the one before', () => {
    const wander = Array.from({ length: 60 }, (_, day) => Math.sin(day / 6) * 10)
    expect(estimateInflation(wander)).toBeGreaterThan(5)
    expect(estimateInflation([1, -1, 1, -1, 1, -1])).toBe(1)
    expect(estimateInflation([5, 5, 5])).toBe(1)
  })
})

describe('the day on which a limit is reached', () => {
  it('of a straight line is where the line reaches it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 90 }),
        fc.double({ min: 0.5, max: 100, noNaN: true }),
        fc.integer({ min: 1, max: 300 }),
        (length, perDay, ahead) => {
          const values = Array.from({ length }, (_, day) => perDay * day)
          const nowMs = start + (length - 1) * dayMs
          const found = forecast(days(values), perDay * (length - 1 + ahead), nowMs)
          if (found.state !== 'in sight') throw new Error(found.state)
          expect((found.likelyMs - nowMs) / dayMs).toBeCloseTo(ahead, 3)
          expect(found.earliestMs).toBeLessThanOrEqual(found.likelyMs + 1)
        },
      ),
    )
  })

  it('has an interval that holds the true growth about as often as it says', () => {
    let seed = 11
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
    let held = 0
    for (let round = 0; round < 200; round += 1) {
      const values = Array.from(
        { length: 45 },
        (_, day) => 1000 + 20 * day + 60 * (random() + random() + random() - 1.5),
      )
      const found = forecast(days(values), 1e9, start + 44 * dayMs)
      if (found.state !== 'not in sight') throw new Error(found.state)
      if (found.perDay.low <= 20 && found.perDay.high >= 20) held += 1
    }
    expect(held / 200).toBeGreaterThan(0.9)
  })

  it('of a line with noise has an interval: earliest before likely before latest', () => {
    const values = Array.from({ length: 30 }, (_, day) => 20 * day + 40 * Math.sin(day * 7.3))
    const found = forecast(days(values), 2000, start + 29 * dayMs)
    if (found.state !== 'in sight' || found.latestMs === undefined) throw new Error(found.state)
    expect(found.earliestMs).toBeLessThan(found.likelyMs)
    expect(found.likelyMs).toBeLessThan(found.latestMs)
  })

  it('takes the median of a day and ignores values that are not numbers', () => {
    const many = Array.from({ length: 10 * 24 }, (_, hour) => ({
      atMs: start + (hour * dayMs) / 24,
      value: hour % 24 === 5 ? Number.NaN : hour / 24,
    }))
    const found = forecast(many, 100, start + 10 * dayMs)
    expect(found.state).toBe('in sight')
  })

  it('gives no date from too few days, without growth, or beyond five years', () => {
    expect(forecast(days([1, 2, 3]), 10, start)).toMatchObject({
      state: 'too short',
      reason: expect.stringContaining('3 days'),
    })
    expect(forecast([], 10, start)).toMatchObject({ state: 'too short' })
    expect(forecast(days(Array.from({ length: 20 }, () => 5)), 10, start)).toMatchObject({
      state: 'not in sight',
    })
    expect(forecast(days(Array.from({ length: 20 }, (_, day) => 100 - day)), 1000, start)).toMatchObject({
      state: 'not in sight',
      earliestMs: undefined,
    })
    expect(forecast(days(Array.from({ length: 20 }, (_, day) => day)), 1e6, start)).toMatchObject({
      state: 'not in sight',
    })
  })

  it('is now when the limit is reached already', () => {
    expect(forecast(days(Array.from({ length: 20 }, (_, day) => day)), 10, start + 19 * dayMs)).toMatchObject(
      { state: 'reached' },
    )
  })
})
