import { pairOf, sideOf } from './inside/sides.ts'
import type { Side } from './inside/sides.ts'
import type { Played } from './inside/wire.ts'

/** A journey that both sides have played, each once. */
export type PlayedPair = Record<Side, Played>

/** The unit of analysis: so many pairs in a row, about two and a half seconds. As many arrivals on both sides, of the same journeys. */
export interface Unit {
  /** Since the load began, warm-up and all. */
  index: number
  pairs: PlayedPair[]
}

export interface UnitsPlan {
  seed: number
  pairsPerUnit: number
  /** A unit has begun: the first of its journeys, or of a later one's, has ended. */
  begun: (unit: number) => void
  /** Every journey of a unit, and of all before it, has ended. In order. */
  closed: (unit: Unit) => void
}

/** Sorts journeys into units as they end. By their numbers, not by when they came: a slow side has its share in each unit. */
export function collectUnits({ seed, pairsPerUnit, begun, closed }: UnitsPlan): {
  add: (played: Played) => void
} {
  const open = new Map<number, Map<number, Partial<PlayedPair>>>()
  let [latest, next] = [-1, 0]
  const closeWhatIs = (): void => {
    for (let pairs = open.get(next); pairs?.size === pairsPerUnit; pairs = open.get(next)) {
      const whole = [...pairs]
        .toSorted(([a], [b]) => a - b)
        .map(([, pair]) => pair)
        .filter(isWhole)
      if (whole.length < pairsPerUnit) return
      open.delete(next)
      closed({ index: next, pairs: whole })
      next += 1
    }
  }
  return {
    add: (played) => {
      const [arrival] = played
      const pair = pairOf(arrival)
      const unit = Math.floor(pair / pairsPerUnit)
      if (unit < next) return
      for (; latest < unit; latest += 1) begun(latest + 1)
      const pairs = open.get(unit) ?? new Map<number, Partial<PlayedPair>>()
      open.set(unit, pairs)
      const both = pairs.get(pair) ?? {}
      pairs.set(pair, both)
      both[sideOf(seed, arrival)] = played
      closeWhatIs()
    },
  }
}

function isWhole(pair: Partial<PlayedPair>): pair is PlayedPair {
  return pair.baseline !== undefined && pair.candidate !== undefined
}
