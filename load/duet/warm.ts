import { latencyOf } from '../../record/index.ts'
import { sides } from '../engines/k6/k6-runtime/wire.ts'
import type { Side } from '../engines/k6/k6-runtime/wire.ts'
import type { DuetRun } from './unit-records.ts'

/**
 * What a request cost in one unit of the warm-up, by side: CPU time where it is known, else latency.
 * Milliseconds.
 */
export type UnitCost = Record<Side, number | undefined>

/** A smaller fall than this within a second cannot be distinguished from noise. */
const toleratedFallPerSecond = 0.01

/** How long the parts of a duet take. Milliseconds. */
export interface Pace {
  /** Approximate length of a unit of analysis; it holds complete pairs. */
  unitMs: number
  /** How many units in a row show that the cost has stopped falling, a multiple of 3; default: 3. */
  flatUnits?: number
  minWarmUpMs: number
  maxWarmUpMs: number
}

/**
 * As measured on real services (docs/detection.md): compiled code is flat after about ten seconds, and units
 * of 1 to 2.5 s are alike.
 */
export const defaultPace: Pace = { unitMs: 2500, minWarmUpMs: 10_000, maxWarmUpMs: 30_000 }

/**
 * The pace of a confirmation, with units of half the length: it repeats one test whose place is known. The
 * warm-up is as long as before. Undefined where so short a unit has too few journeys.
 */
export function toShortPace(pace: Pace, ratePerSecond: number): Pace | undefined {
  const unitMs = pace.unitMs / 2
  return (ratePerSecond * unitMs) / 1000 < minJourneysPerUnit
    ? undefined
    : { ...pace, unitMs, flatUnits: 2 * (pace.flatUnits ?? defaultFlatUnits) }
}

const defaultFlatUnits = 3
const minJourneysPerUnit = 30

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
 * progress of its compiler. Compares the last two thirds of the last units with the third before them. Never
 * before the minimum time. Always after the maximum: a service that leaks never becomes flat, and must be
 * measured too.
 */
export function isWarm(
  costs: readonly UnitCost[],
  unitMs: number,
  { minWarmUpMs, maxWarmUpMs, flatUnits = defaultFlatUnits }: Pace,
): boolean {
  const spentMs = costs.length * unitMs
  if (spentMs < minWarmUpMs) return false
  return (
    spentMs >= maxWarmUpMs ||
    sides.every((side) => isFlat(costs.map((cost) => cost[side]).slice(-flatUnits), flatUnits, unitMs))
  )
}

function isFlat(last: readonly (number | undefined)[], flatUnits: number, unitMs: number): boolean {
  const known = last.filter((cost) => cost !== undefined)
  if (known.length < flatUnits) return last.length < flatUnits || known.length === 0
  const third = flatUnits / 3
  // From the middle of the first third to the middle of the others.
  const seconds = (flatUnits * unitMs) / 2000
  return mean(known.slice(third)) > mean(known.slice(0, third)) * (1 - toleratedFallPerSecond * seconds)
}

function mean(costs: readonly number[]): number {
  return costs.reduce((total, cost) => total + cost, 0) / costs.length
}
