import { expect, it } from 'vitest'
import { defaultAnalysisPairs, planInterimAnalyses } from './error-control.ts'

it('spends .005 as .0005, .001, .0015 and .002 at 8, 12, 16 and 24 pairs', () => {
  expect(
    planInterimAnalyses(defaultAnalysisPairs, 0.005).map(({ pairs, alpha }) => [
      pairs,
      Number(alpha.toFixed(9)),
    ]),
  ).toEqual([
    [8, 0.0005],
    [12, 0.001],
    [16, 0.0015],
    [24, 0.002],
  ])
})

it('keeps what a pass may spend for the looks from which on it is looked for', () => {
  expect(
    planInterimAnalyses([8, 12, 16, 24, 48], 0.005, 0.95, 16).map(({ confidence }) =>
      Number((1 - confidence).toFixed(4)),
    ),
  ).toEqual([0.0004, 0.0004, 0.0082, 0.0164, 0.0246])
})

it.each([[[24]], [[8, 24]], [[8, 12, 16, 24, 48]]])(
  'over the looks %j spends no more than one comparison may, and ever more',
  (pairs) => {
    const looks = planInterimAnalyses(pairs, 0.01, 0.9)
    expect(looks.reduce((sum, { alpha }) => sum + alpha, 0)).toBeCloseTo(0.01, 12)
    expect(looks.reduce((sum, { confidence }) => sum + 1 - confidence, 0)).toBeCloseTo(0.1, 12)
    expect(looks.map(({ alpha }) => alpha)).toEqual(looks.map(({ alpha }) => alpha).toSorted((a, b) => a - b))
  },
)
