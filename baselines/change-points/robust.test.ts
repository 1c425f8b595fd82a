import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../bench/detection-study/machine.ts'
import { median } from '../../record/statistics/index.ts'
import {
  removeSpikes,
  robustDeviation,
  runningMedian,
  scatterAroundLevels,
  scatterFromDifferences,
} from './robust.ts'

interface Fixtures {
  series: number[]
  runningMedian: number[]
  deviation: number
}
const scipy = JSON.parse(readFileSync(new URL('fixtures/robust.json', import.meta.url), 'utf8')) as Fixtures

describe('agrees with scipy', () => {
  it('the running median of seven and the scaled median absolute deviation', () => {
    expect(runningMedian(scipy.series, 3).slice(3, -3)).toEqual(scipy.runningMedian)
    expect(robustDeviation(scipy.series)).toBeCloseTo(scipy.deviation, 12)
  })
})

describe('degenerate series', () => {
  it('the median of nothing is not a number, of one is that one', () => {
    expect(median([])).toBeNaN()
    expect(median([4])).toBe(4)
    expect(median([4, 1])).toBe(2.5)
  })

  it('without spread have no spikes and no scatter', () => {
    const flat = Array.from({ length: 20 }, () => 3)
    expect(removeSpikes(flat)).toEqual(flat)
    expect(scatterFromDifferences(flat)).toEqual({ deviation: 0, correlation: 0 })
    expect(scatterAroundLevels(flat, [10])).toEqual({ deviation: 0, correlation: 0 })
  })
})

it('a spike is taken down, a level of four runs is not', () => {
  const series = Array.from({ length: 40 }, (_, index) => 10 + 0.1 * ((index * 7) % 5))
  const spiked = series.map((value, index) => (index === 20 ? 30 : value))
  expect(Math.max(...removeSpikes(spiked))).toBeLessThan(11)
  const risen = series.map((value, index) => (index >= 20 ? value + 20 : value))
  expect(removeSpikes(risen).filter((value) => value > 29)).toHaveLength(20)
})

it.each([
  [0, 0.1],
  [0.3, 0.05],
  [0.6, 0.05],
])('finds the scatter of an AR(1) series of correlation %d, with a step in it', (correlation, deviation) => {
  const random = seeded(4)
  let value = 0
  const series = Array.from({ length: 4000 }, (_, index) => {
    value = correlation * value + Math.sqrt(1 - correlation ** 2) * deviation * random.normal()
    return value + (index < 2000 ? 0 : 5)
  })
  for (const scatter of [scatterFromDifferences(series), scatterAroundLevels(series, [2000])]) {
    expect(Math.abs(scatter.deviation / deviation - 1)).toBeLessThan(0.12)
    expect(Math.abs(scatter.correlation - correlation)).toBeLessThan(0.12)
  }
})
