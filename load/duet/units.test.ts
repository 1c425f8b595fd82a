import fc from 'fast-check'
import { expect, it } from 'vitest'
import { pairOf, sideOf } from './inside/sides.ts'
import type { Played } from './inside/wire.ts'
import { collectUnits } from './units.ts'
import type { Unit } from './units.ts'

const played = (arrival: number): Played => [arrival, 0, arrival, arrival + 1, []]

it('closes units in order, each with all of its pairs on their own sides, however late one side ends', () => {
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 48, maxLength: 48 }),
      (seed, pairsPerUnit, delays) => {
        const closed: Unit[] = []
        const begun: number[] = []
        const units = collectUnits({
          seed,
          pairsPerUnit,
          begun: (unit) => begun.push(unit),
          closed: (unit) => closed.push(unit),
        })
        const order = delays
          .map((delay, arrival) => ({ arrival, endsAt: arrival + delay }))
          .toSorted((a, b) => a.endsAt - b.endsAt)
        for (const { arrival } of order) units.add(played(arrival))
        expect(closed.map(({ index }) => index)).toEqual(
          Array.from({ length: Math.floor(24 / pairsPerUnit) }, (_, index) => index),
        )
        expect(begun).toEqual(begun.toSorted((a, b) => a - b))
        for (const { index, pairs } of closed) {
          expect(pairs.map(({ baseline }) => pairOf(baseline[0]))).toEqual(
            Array.from({ length: pairsPerUnit }, (_, pair) => index * pairsPerUnit + pair),
          )
          for (const { baseline, candidate } of pairs)
            expect([sideOf(seed, baseline[0]), sideOf(seed, candidate[0])]).toEqual(['baseline', 'candidate'])
        }
      },
    ),
  )
})

it('does not close a unit of which one side has not ended', () => {
  const closed: Unit[] = []
  const units = collectUnits({
    seed: 1,
    pairsPerUnit: 1,
    begun: () => undefined,
    closed: (unit) => closed.push(unit),
  })
  for (const arrival of [0, 2, 3, 4, 5]) units.add(played(arrival))
  expect(closed).toEqual([])
  units.add(played(1))
  expect(closed.map(({ index }) => index)).toEqual([0, 1, 2])
})
