import { pairIndex, sideFor } from '../engines/k6/k6-runtime/wire.ts'
import type { Random } from '../../record/index.ts'
import type { PlayedJourney, Side } from '../engines/k6/k6-runtime/wire.ts'

/** A journey that both sides have played, each once. */
export type PlayedPair = Record<Side, PlayedJourney>

/**
 * The unit of analysis: consecutive pairs, about two and a half seconds of load. Both sides have equally many
 * arrivals, of the same journeys.
 */
export interface Unit {
  /** Since the load began, warm-up included. */
  index: number
  pairs: PlayedPair[]
}

export interface UnitCollectorOptions {
  seed: number
  pairsPerUnit: number
  /** A unit has begun: the first of its journeys, or of a later one's, has ended. */
  onBegin: (unit: number) => void
  /** Every journey of a unit, and of all before it, has ended. Called in order. */
  onComplete: (unit: Unit) => void
}

/**
 * Returns a function that sorts journeys into units as they end: by their numbers and not by their times, so
 * that a slow side has its share in each unit.
 */
export function collectUnits({
  seed,
  pairsPerUnit,
  onBegin,
  onComplete,
}: UnitCollectorOptions): (played: PlayedJourney) => void {
  const open = new Map<number, Map<number, Partial<PlayedPair>>>()
  let [latest, next] = [-1, 0]
  const completeUnits = (): void => {
    for (let pairs = open.get(next); pairs?.size === pairsPerUnit; pairs = open.get(next)) {
      const complete = [...pairs]
        .toSorted(([a], [b]) => a - b)
        .map(([, pair]) => pair)
        .filter(isComplete)
      if (complete.length < pairsPerUnit) return
      open.delete(next)
      onComplete({ index: next, pairs: complete })
      next += 1
    }
  }
  return (played) => {
    const [arrival] = played
    const pair = pairIndex(arrival)
    const unit = Math.floor(pair / pairsPerUnit)
    if (unit < next) return
    for (; latest < unit; latest += 1) onBegin(latest + 1)
    const pairs = open.get(unit) ?? new Map<number, Partial<PlayedPair>>()
    open.set(unit, pairs)
    const both = pairs.get(pair) ?? {}
    pairs.set(pair, both)
    both[sideFor(seed, arrival)] = played
    completeUnits()
  }
}

/** Two halves of the pairs, drawn at random; of an odd number one is left out. */
export function splitAtRandom<T>(pairs: readonly T[], random: Random): [T[], T[]] {
  const drawn = pairs.map((pair) => ({ pair, order: random() })).toSorted((a, b) => a.order - b.order)
  const half = Math.floor(drawn.length / 2)
  const part = (from: number): T[] => drawn.slice(from, from + half).map(({ pair }) => pair)
  return [part(0), part(half)]
}

function isComplete(pair: Partial<PlayedPair>): pair is PlayedPair {
  return pair.baseline !== undefined && pair.candidate !== undefined
}
