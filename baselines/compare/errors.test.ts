import { describe, expect, it } from 'vitest'
import { countsOf, exampleRun, spread } from '../../record/testing/examples/runs.ts'
import type { Run } from '../../record/index.ts'
import { binomialUpperTail } from '../../record/statistics/index.ts'
import { compareErrors } from './errors.ts'

const latencies = spread(1000, 1, 9)
const block = (failed: number): Run => exampleRun({ a: countsOf(latencies, { failedAnswers: failed }) })
const blocks = (failed: readonly number[]): Run[] => failed.map(block)

describe('errors of two sides', () => {
  it('are compared by the exact conditional binomial test while they do not come in bursts', () => {
    const { pValue, ratio, overdispersion } = compareErrors(
      blocks([1, 0, 1, 1, 0, 1, 1, 1]),
      blocks([2, 2, 2, 2, 2, 2, 2, 2]),
    )
    expect(overdispersion).toBe(1)
    expect(ratio).toBeCloseTo(16 / 6, 9)
    expect(pValue).toBeCloseTo(binomialUpperTail(16, 22, 0.5), 12)
  })

  it('of one burst count about once', () => {
    const { pValue, overdispersion } = compareErrors(
      blocks(Array.from({ length: 24 }, () => 0)),
      blocks([60, ...Array.from({ length: 23 }, () => 0)]),
    )
    expect(overdispersion).toBeGreaterThan(30)
    expect(pValue).toBeGreaterThan(0.2)
  })

  it('need not be counted over the same number of requests', () => {
    expect(compareErrors(blocks([3, 3]), blocks([3, 3, 3, 3, 3, 3])).ratio).toBeCloseTo(1, 9)
  })

  it('are none on both sides: nothing to report', () => {
    expect(compareErrors(blocks([0, 0]), blocks([0, 0]))).toMatchObject({
      pValue: 1,
      pValueBetter: 1,
      overdispersion: 1,
      ratio: Number.NaN,
    })
  })

  it('where every request fails are certain, whatever the steadiness', () => {
    expect(compareErrors(blocks([0, 0, 0]), blocks([1000, 1000, 1000])).pValue).toBeLessThan(1e-100)
  })

  it('are expected by the mix of steps: more of a step that always failed as often is no change', () => {
    const mixed = (good: number, bad: number): Run =>
      exampleRun({
        good: countsOf(latencies.slice(0, good)),
        bad: countsOf(latencies.slice(0, bad), { failedAnswers: bad / 10 }),
      })
    const shifted = compareErrors(
      Array.from({ length: 10 }, () => mixed(900, 100)),
      Array.from({ length: 10 }, () => mixed(500, 500)),
    )
    expect(shifted.ratio).toBeCloseTo(1, 9)
    expect(shifted.pValue).toBeGreaterThan(0.3)
  })

  it('count dropped arrivals, which belong to no step', () => {
    const dropping = Array.from({ length: 8 }, () => exampleRun({ a: countsOf(latencies) }, {}, 40))
    expect(compareErrors(blocks(Array.from({ length: 8 }, () => 0)), dropping)).toMatchObject({
      baseline: 0,
      candidate: 320,
    })
    expect(compareErrors(blocks(Array.from({ length: 8 }, () => 0)), dropping).pValue).toBeLessThan(1e-50)
  })
})
