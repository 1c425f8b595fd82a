import fc from 'fast-check'
import { expect, it } from 'vitest'
import { pairIndex, sideFor } from '../engines/k6/k6-runtime/wire.ts'
import type { PlayedJourney } from '../engines/k6/k6-runtime/wire.ts'
import { collectUnits, splitAtRandom } from './units.ts'
import type { Unit } from './units.ts'

const played = (arrival: number): PlayedJourney => [arrival, 0, arrival, arrival + 1, []]

it('completes units in order, each with all of its pairs on both sides, however late one side ends', () => {
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 48, maxLength: 48 }),
      (seed, pairsPerUnit, delays) => {
        const completed: Unit[] = []
        const begun: number[] = []
        const collect = collectUnits({
          seed,
          pairsPerUnit,
          onBegin: (unit) => begun.push(unit),
          onComplete: (unit) => completed.push(unit),
        })
        const order = delays
          .map((delay, arrival) => ({ arrival, endsAt: arrival + delay }))
          .toSorted((a, b) => a.endsAt - b.endsAt)
        for (const { arrival } of order) collect(played(arrival))
        expect(completed.map(({ index }) => index)).toEqual(
          Array.from({ length: Math.floor(24 / pairsPerUnit) }, (_, index) => index),
        )
        expect(begun).toEqual(begun.toSorted((a, b) => a - b))
        for (const { index, pairs } of completed) {
          expect(pairs.map(({ baseline }) => pairIndex(baseline[0]))).toEqual(
            Array.from({ length: pairsPerUnit }, (_, pair) => index * pairsPerUnit + pair),
          )
          for (const { baseline, candidate } of pairs)
            expect([sideFor(seed, baseline[0]), sideFor(seed, candidate[0])]).toEqual([
              'baseline',
              'candidate',
            ])
        }
      },
    ),
  )
})

it('does not complete a unit of which one side has not ended', () => {
  const completed: Unit[] = []
  const collect = collectUnits({
    seed: 1,
    pairsPerUnit: 1,
    onBegin: () => undefined,
    onComplete: (unit) => completed.push(unit),
  })
  for (const arrival of [0, 2, 3, 4, 5]) collect(played(arrival))
  expect(completed).toEqual([])
  collect(played(1))
  expect(completed.map(({ index }) => index)).toEqual([0, 1, 2])
})

it('splits pairs into two halves of equal size that share none, another way for other random numbers', () => {
  fc.assert(
    fc.property(
      fc.nat(50),
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 50, maxLength: 50 }),
      (count, draws) => {
        const pairs = Array.from({ length: count }, (_, index) => index)
        const [first, second] = splitAtRandom(pairs, () => draws.pop() ?? 0)
        expect(first.length).toBe(Math.floor(count / 2))
        expect(second.length).toBe(first.length)
        expect(new Set([...first, ...second]).size).toBe(2 * first.length)
      },
    ),
  )
  const falling = [0.9, 0.8, 0.2, 0.1]
  expect(splitAtRandom(['a', 'b', 'c', 'd'], () => falling.shift() ?? 0)).toEqual([
    ['d', 'c'],
    ['b', 'a'],
  ])
})
