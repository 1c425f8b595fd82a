import { latencyOf } from '../../record/index.ts'
import { sides } from '../engines/k6/k6-runtime/wire.ts'
import type { Side } from '../engines/k6/k6-runtime/wire.ts'
import type { DuetRun } from './unit-records.ts'

/**
 * What a request cost in one unit of the warm-up, by side: CPU time where it is known, else latency.
 * Milliseconds.
 */
export type UnitCost = Record<Side, number | undefined>

/** A smaller fall than this from one pair of units to the next cannot be distinguished from noise. */
const flatnessTolerance = 0.05

/** How long the parts of a duet take. Milliseconds. */
export interface Pace {
  /** Approximate length of a unit of analysis; it holds complete pairs. */
  unitMs: number
  minWarmUpMs: number
  maxWarmUpMs: number
}

/**
 * As measured on real services (docs/detection.md): compiled code is flat after about ten seconds, and units
 * of 1 to 2.5 s are alike.
 */
export const defaultPace: Pace = { unitMs: 2500, minWarmUpMs: 10_000, maxWarmUpMs: 30_000 }

/** The cost of a request on one side of a unit; undefined when nothing was answered. */
export function readCost(run: DuetRun): number | undefined {
  const { cpuMsPerRequest } = run.server ?? {}
  if (cpuMsPerRequest !== undefined) return cpuMsPerRequest
  const { p50Ms } = latencyOf(
    Object.values(run.endpoints)
      .flatMap(({ histogram }) => histogram)
      .toSorted(([a], [b]) => a - b),
  )
  return p50Ms > 0 ? p50Ms : undefined
}

/**
 * Whether the cost of both sides has stopped falling, so that further measurements show the code and not the
 * progress of its compiler. Compares the mean of the last two units with that of the two before. Never before
 * the minimum time. Always after the maximum: a service that leaks never becomes flat, and must be measured
 * too.
 */
export function isWarm(
  costs: readonly UnitCost[],
  unitMs: number,
  { minWarmUpMs, maxWarmUpMs }: Pace,
): boolean {
  const spentMs = costs.length * unitMs
  if (spentMs < minWarmUpMs) return false
  return spentMs >= maxWarmUpMs || sides.every((side) => isFlat(costs.map((cost) => cost[side])))
}

function isFlat(costs: readonly (number | undefined)[]): boolean {
  const [a, b, c, d] = costs.slice(-4)
  if (a === undefined || b === undefined || c === undefined || d === undefined)
    return costs.length < 4 || costs.slice(-4).every((cost) => cost === undefined)
  return c + d > (a + b) * (1 - flatnessTolerance)
}
