import type { ComparableRun } from '../../record/index.ts'
import { machine, noiseLevels, slotSeconds } from './machine.ts'
import type { NoiseLevel } from './machine.ts'
import { seeded } from './random.ts'
import { simulateBlock } from './service.ts'
import type { Change, Writer } from './service.ts'

export interface DuetPlan {
  level: NoiseLevel
  change: Change
  pairs: number
  seconds: number
  writer?: Writer
}

export interface Duet {
  baseline: ComparableRun[]
  candidate: ComparableRun[]
}

/** Requests per second are drawn from here, evenly on the log scale. */
const rates = [150, 800] as const

/**
 * A duet of blocks next to each other in time, in random order within each pair. The same seed gives the same
 * duet.
 */
export function simulateDuet(
  { level, change, pairs, seconds, writer = 'hdr' }: DuetPlan,
  seed: number,
): Duet {
  const random = seeded(seed)
  const ratePerSecond = rates[0] * (rates[1] / rates[0]) ** random.uniform()
  const slots = Math.round(seconds / slotSeconds)
  const next = machine(noiseLevels[level], random)
  const duet: Duet = { baseline: [], candidate: [] }
  for (let pair = 0; pair < pairs; pair += 1) {
    const sides =
      random.uniform() < 0.5 ? (['baseline', 'candidate'] as const) : (['candidate', 'baseline'] as const)
    for (const side of sides)
      duet[side].push(
        simulateBlock(
          {
            seconds,
            ratePerSecond,
            slowness: next(slots),
            change: side === 'candidate' ? change : {},
            writer,
          },
          random,
        ),
      )
  }
  return duet
}
