import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { adjustByHolm } from './error-control.ts'

const statsmodels = JSON.parse(readFileSync(new URL('fixtures/holm.json', import.meta.url), 'utf8')) as {
  p: number[]
  adjusted: number[]
}[]

it.each(statsmodels)('agrees with statsmodels on $p', ({ p, adjusted }) => {
  for (const [index, value] of adjustByHolm(p).entries())
    expect(value).toBeCloseTo(adjusted[index] ?? Number.NaN, 12)
})

it('of no tests is no p-value', () => {
  expect(adjustByHolm([])).toEqual([])
})
