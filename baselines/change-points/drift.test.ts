import { describe, expect, it } from 'vitest'
import { seeded } from '../../bench/detection-study/machine.ts'
import { scoreDrifts } from '../../bench/detection-study/histories.ts'
import { simulateSeries } from '../../bench/detection-study/simulations.ts'
import type { SeriesPlan } from '../../bench/detection-study/simulations.ts'
import { examineHistory } from './change-points.ts'
import type { History } from './change-points.ts'
import { runsUntil } from './drift.ts'
import { countsOf, exampleRun, spread } from '../../record/testing/examples/runs.ts'
import { findSeason } from './season.ts'

const calm: SeriesPlan = { runs: 120, steps: [], noise: 0.02, correlation: 0.3, spikes: 0.02, gaps: 0.03 }
const examine = (change: Partial<SeriesPlan>, seed = 1): History =>
  examineHistory(simulateSeries({ ...calm, ...change }, seed), { metrics: ['p50Ms'] })

describe('a level that drifts', () => {
  it('is one drift and no change: its slope, its interval, and since when', () => {
    const { changes, drifts } = examine({ drift: { from: 40, to: 120, factor: 1.5 } })
    expect(changes).toEqual([])
    expect(drifts).toHaveLength(1)
    const [drift] = drifts
    const slope = 1.5 ** (1 / 80) - 1
    expect(drift?.interval[0]).toBeLessThan(slope)
    expect(drift?.interval[1]).toBeGreaterThan(slope)
    expect(Math.abs((drift?.from ?? 0) - 40)).toBeLessThanOrEqual(12)
    expect(drift?.isOngoing).toBe(true)
    expect((drift?.after ?? 0) / (drift?.before ?? 1)).toBeCloseTo(1.5, 0)
  })

  it('has its slope in its interval of 95 % in most histories', () => {
    const slope = 1.3 ** (1 / 120) - 1
    const found = Array.from({ length: 60 }, (_, seed) =>
      examine({ drift: { from: 0, to: 120, factor: 1.3 } }, seed).drifts.flatMap(
        ({ interval: [low, high] }) => [low <= slope && slope <= high],
      ),
    ).flat()
    expect(found.length).toBeGreaterThanOrEqual(55)
    // Choosing its ends costs some of the coverage.
    expect(found.filter(Boolean).length / found.length).toBeGreaterThanOrEqual(0.8)
  })

  it('that has ended is not ongoing', () => {
    const { drifts } = examine({ drift: { from: 0, to: 60, factor: 1.5 } })
    expect(drifts).toMatchObject([{ isOngoing: false }])
  })

  it('with a step in it is both', () => {
    const { changes, drifts } = examine({
      drift: { from: 0, to: 120, factor: 1.4 },
      steps: [{ at: 70, factor: 0.7 }],
    })
    expect(drifts).toHaveLength(1)
    expect(changes).toHaveLength(1)
    expect(Math.abs((changes[0]?.index ?? 0) - 70)).toBeLessThanOrEqual(2)
    // Without what the drift added meanwhile.
    expect((changes[0]?.after ?? 0) / (changes[0]?.before ?? 1)).toBeCloseTo(0.7, 1)
  })
})

describe('in many histories', () => {
  it('clean ones have no drift, and no more points than without the search for drifts', () => {
    const { drifts, points } = scoreDrifts(() => ({}), 100, 1)
    expect(drifts).toBeLessThanOrEqual(1)
    expect(points).toBeLessThanOrEqual(4)
  })

  it('a step or two are no drift', () => {
    const steps = (runs: number) =>
      [1 / 3, 2 / 3].map((share) => ({ at: Math.round(runs * share), factor: 1.15 }))
    expect(scoreDrifts((runs) => ({ steps: steps(runs).slice(0, 1) }), 60, 1).drifts).toBeLessThanOrEqual(1)
    expect(scoreDrifts((runs) => ({ steps: steps(runs) }), 60, 1).drifts).toBeLessThanOrEqual(3)
  })

  it('a steady rise of 40 % is a drift, and hardly ever a staircase', () => {
    const { drifts, points } = scoreDrifts((to) => ({ drift: { from: 0, to, factor: 1.4 } }), 60, 1)
    expect(drifts).toBeGreaterThanOrEqual(57)
    expect(points).toBeLessThanOrEqual(6)
  })

  it('what repeats itself every week is no change', () => {
    const { drifts, points } = scoreDrifts(() => ({ weekend: 0.85 }), 60, 1)
    expect([drifts, points <= 3]).toEqual([0, true])
  })
})

describe('a season', () => {
  const points = (level: (index: number) => number, length = 70) => {
    const random = seeded(1)
    return Array.from({ length }, (_, index) => ({ index, value: level(index) + 0.02 * random.normal() }))
  }

  it('has its shortest period, also where runs are missing', () => {
    const weekly = points((index) => (index % 7 < 2 ? 1 : 0))
    expect(findSeason(weekly)?.period).toBe(7)
    expect(findSeason(weekly.filter(({ index }) => index % 11 !== 3))?.period).toBe(7)
  })

  it('is neither a step, nor a ramp, nor noise, nor what was seen in three cycles', () => {
    expect(findSeason(points((index) => (index < 35 ? 0 : 1)))).toBeUndefined()
    expect(findSeason(points((index) => index / 10))).toBeUndefined()
    expect(findSeason(points(() => 0))).toBeUndefined()
    expect(findSeason(points((index) => (index % 20 < 10 ? 1 : 0), 60))).toBeUndefined()
  })
})

describe('a series of runs whose load repeats itself', () => {
  const runs = (errors: (index: number, requests: number) => number) =>
    Array.from({ length: 90 }, (_, index) => {
      const requests = [200, 300, 400][index % 3] ?? 0
      const run = exampleRun({ 'browse/list': countsOf(spread(requests, 5, 9)) })
      const failed = errors(index, requests)
      return { ...run, totals: { ...run.totals, errors: failed, errorRate: failed / requests } }
    })
  const seasonsOf = (errors: (index: number, requests: number) => number) =>
    examineHistory(runs(errors), { metrics: ['errorRate'] }).seasons

  it('has no season without an error, and one where errors repeat themselves', () => {
    expect(seasonsOf(() => 0)).toEqual({})
    expect(seasonsOf((index, requests) => (index % 3 === 0 ? requests / 10 : 0))).toEqual({ errorRate: 3 })
  })
})

describe('the runs until a limit', () => {
  const drift = { from: 0, to: 50, before: 50, after: 100, slope: 0.01, isOngoing: true }
  const rising = { ...drift, interval: [0.005, 0.02] as [number, number] }

  it('are those that the slope and its interval give', () => {
    const until = (rate: number): number => Math.ceil(Math.log(1.5) / Math.log1p(rate))
    expect(runsUntil(rising, 150)).toEqual({ runs: until(0.01), between: [until(0.02), until(0.005)] })
  })

  it('may never come by the lower bound of the slope', () => {
    expect(runsUntil({ ...rising, interval: [-0.001, 0.02] }, 150)?.between[1]).toBe(Number.POSITIVE_INFINITY)
  })

  it.each([
    ['the limit is passed already', rising, 100],
    ['the drift has ended', { ...rising, isOngoing: false }, 150],
    ['it falls and the limit is above', { ...rising, slope: -0.01 }, 150],
  ])('are unknown when %s', (_, one, limit) => {
    expect(runsUntil(one, limit)).toBeUndefined()
  })
})
