import type { Decider, Decision } from './deciders.ts'
import { simulateDuet } from './duets.ts'
import type { Goal } from './goals.ts'
import type { NoiseLevel } from './machine.ts'
import type { Change, Writer } from './service.ts'

/** A share of simulated cases with its Monte-Carlo error. */
export interface Share {
  count: number
  cases: number
}

export function share({ count, cases }: Share): number {
  return cases === 0 ? Number.NaN : count / cases
}

/** The standard error of a share; that of one case more and one less where it is 0 or 1. */
export function shareError({ count, cases }: Share): number {
  const p = (count + 0.5) / (cases + 1)
  return Math.sqrt((p * (1 - p)) / cases)
}

/** One kind of duet. */
export interface Cell {
  change: Change
  level: NoiseLevel
  seconds: number
}

/** Every decider on the same duets; seeds `first`, `first` + 1, … */
export function decideDuets(
  cell: Cell,
  deciders: Record<string, Decider>,
  cases: number,
  first: number,
  writer: Writer = 'hdr',
): Map<string, Decision[]> {
  const decisions = new Map(Object.keys(deciders).map((name) => [name, [] as Decision[]]))
  for (let i = 0; i < cases; i += 1) {
    const duet = simulateDuet({ ...cell, pairs: 24, writer }, first + i)
    for (const [name, decide] of Object.entries(deciders)) decisions.get(name)?.push(decide(duet))
  }
  return decisions
}

export function shareOf({ counted, change }: Goal, decisions: readonly Decision[]): Share {
  const pool = counted === 'named' ? decisions.filter(({ word }) => word === 'fail') : decisions
  const hits = pool.filter(({ word, blamed }) =>
    counted === 'named'
      ? blamed[0] === change.step?.name
      : counted === 'not pass'
        ? word !== 'pass'
        : word === counted,
  )
  return { count: hits.length, cases: pool.length }
}

export function reached({ bound }: Goal, measured: Share): boolean {
  return 'least' in bound ? share(measured) >= bound.least : share(measured) <= bound.most
}
