import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pairIndex, sideFor } from './wire.ts'

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 })

describe('the sides of arrivals', () => {
  it('are both in every pair, whatever the seed', () => {
    fc.assert(
      fc.property(seeds, fc.nat({ max: 1e6 }), (seed, pair) => {
        const arrivals = [2 * pair, 2 * pair + 1]
        expect(arrivals.map(pairIndex)).toEqual([pair, pair])
        expect(new Set(arrivals.map((arrival) => sideFor(seed, arrival)))).toEqual(
          new Set(['baseline', 'candidate']),
        )
      }),
    )
  })

  it('come first about as often, and without a pattern from pair to pair', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const first = Array.from({ length: 2000 }, (_, pair) =>
          sideFor(seed, 2 * pair) === 'candidate' ? 1 : 0,
        )
        const share = first.reduce<number>((sum, one) => sum + one, 0) / first.length
        const repeats = first.filter((one, index) => one === first[index + 1]).length / first.length
        // Six standard errors of a fair coin thrown 2,000 times.
        expect(Math.abs(share - 0.5)).toBeLessThan(0.067)
        expect(Math.abs(repeats - 0.5)).toBeLessThan(0.067)
      }),
      { numRuns: 50 },
    )
  })

  it('differ from seed to seed', () => {
    const orderOf = (seed: number): string =>
      Array.from({ length: 64 }, (_, pair) => sideFor(seed, 2 * pair)[0]).join('')
    expect(new Set(Array.from({ length: 100 }, (_, seed) => orderOf(seed))).size).toBe(100)
  })
})
