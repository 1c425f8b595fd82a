import { describe, expect, it } from 'vitest'
import {
  confidenceLimits,
  pairedEffect,
  pairsToSettle,
  pValueBetter,
  pValueWorse,
  smallestDetectableEffect,
  unpairedEffect,
} from './effect.ts'
import type { Effect } from './effect.ts'
import type { Measure } from './measures.ts'
import { tCritical } from '../../record/statistics/index.ts'

const effectOf = (value: number, standardError: number): Effect => ({
  value,
  standardError,
  degrees: 17,
  count: 24,
  level: 0,
})
const asked = { alpha: 0.0002, margin: 0.05, confidence: 0.95 }
const measure = (baseline: number[], candidate: number[], worse: 1 | -1 = 1): Measure => ({
  metric: 'p50Ms',
  step: null,
  worse,
  baseline,
  candidate,
  leastSpread: 0,
})

describe('how many pairs would settle it', () => {
  it('is as many as bring the upper limit under the margin, and one fewer does not', () => {
    const effect = effectOf(0.01, 0.04)
    const pairs = pairsToSettle(effect, asked) ?? 0
    const upper = (count: number): number =>
      confidenceLimits(
        { ...effect, standardError: 0.04 * Math.sqrt(24 / count), degrees: 17 + (count - 24) * 0.75 },
        0.95,
      ).upper
    expect(pairs).toBeGreaterThan(24)
    expect(upper(pairs)).toBeLessThan(0.05)
    expect(upper(pairs - 1)).toBeGreaterThanOrEqual(0.05)
  })

  it('is as many as make what is beyond the margin significant', () => {
    const pairs = pairsToSettle(effectOf(0.1, 0.03), asked) ?? 0
    expect(pairs).toBeGreaterThan(24)
    expect(0.1).toBeGreaterThan(
      tCritical(asked.alpha, 17 + (pairs - 24) * 0.75) * 0.03 * Math.sqrt(24 / pairs),
    )
  })

  it('is unknown where the change is the margin', () => {
    expect(pairsToSettle(effectOf(0.0499, 0.04), asked)).toBeUndefined()
  })
})

describe('what could have been seen', () => {
  it('is never less than the margin, and grows with the error', () => {
    expect(smallestDetectableEffect(effectOf(0, 0), 0.001, 0.05)).toBe(0.05)
    expect(smallestDetectableEffect(effectOf(0, 0.001), 0.001, 0.05)).toBeCloseTo(0.0509, 3)
    expect(smallestDetectableEffect(effectOf(0, 0.02), 0.001, 0.05)).toBeGreaterThan(
      smallestDetectableEffect(effectOf(0, 0.01), 0.001, 0.05),
    )
  })
})

describe('an effect', () => {
  it('over pairs is blind to what both share', () => {
    const drift = Array.from({ length: 16 }, (_, index) => index)
    const effect = pairedEffect(
      measure(
        drift,
        drift.map((value, index) => value + 0.1 + 0.01 * (index % 2)),
      ),
    )
    expect(effect.value).toBeCloseTo(0.105, 9)
    expect(effect.standardError).toBeLessThan(0.01)
  })

  it('leaves out pairs of which one side is missing', () => {
    expect(pairedEffect(measure([1, Number.NaN, 3, 4], [1, 2, Number.NaN, 4])).count).toBe(2)
    expect(pairedEffect(measure([], [])).count).toBe(0)
  })

  it('of what is better when it is more, is over 0 when it is less', () => {
    expect(pairedEffect(measure([2, 2, 2], [1, 1, 1], -1)).value).toBe(1)
  })

  it('between sides that drift is less certain than between sides that do not', () => {
    const steady = Array.from({ length: 16 }, (_, index) => 0.1 * ((index * 7) % 5))
    const drifting = steady.toSorted((a, b) => a - b)
    expect(unpairedEffect(measure(drifting, drifting)).standardError).toBeGreaterThan(
      2 * unpairedEffect(measure(steady, steady)).standardError,
    )
  })

  it('without any error is certain when it is not nothing', () => {
    expect([
      pValueWorse(effectOf(0.1, 0)),
      pValueBetter(effectOf(0.1, 0)),
      pValueWorse(effectOf(0, 0)),
      pValueBetter(effectOf(-0.1, 0)),
    ]).toEqual([0, 1, 1, 0])
  })
})
