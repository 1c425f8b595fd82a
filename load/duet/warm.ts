import type { Side } from './inside/sides.ts'
import { sides } from './inside/sides.ts'

/** What a request cost in one unit of the warm-up, by side: CPU time where it is known, else latency. Milliseconds. */
export type Cost = Record<Side, number | undefined>

/** A fall of less than this from one pair of units to the next is not told from noise. */
const flat = 0.05

/** How long things take in a duet. Milliseconds. */
export interface Pace {
  /** About how long a unit of analysis is; it holds whole pairs. */
  unitMs: number
  minWarmUpMs: number
  maxWarmUpMs: number
}

/** As measured on real services (docs/detection.md): compiled code is flat after about ten seconds, and units of 1 to 2.5 s are alike. */
export const defaultPace: Pace = { unitMs: 2500, minWarmUpMs: 10_000, maxWarmUpMs: 30_000 }

/**
 * Whether both sides have stopped getting cheaper, so that what is measured from now on is the code and not how far its
 * compiler has come: the mean of the last two units against that of the two before. Never before its least time, and after its
 * longest whatever it looks like: a service that leaks gets no cheaper, and shall be measured.
 */
export function isWarm(costs: readonly Cost[], unitMs: number, { minWarmUpMs, maxWarmUpMs }: Pace): boolean {
  const spentMs = costs.length * unitMs
  if (spentMs < minWarmUpMs) return false
  return spentMs >= maxWarmUpMs || sides.every((side) => isFlat(costs.map((cost) => cost[side])))
}

function isFlat(costs: readonly (number | undefined)[]): boolean {
  const [a, b, c, d] = costs.slice(-4)
  if (a === undefined || b === undefined || c === undefined || d === undefined)
    return costs.length < 4 || costs.slice(-4).every((cost) => cost === undefined)
  return c + d > (a + b) * (1 - flat)
}
