import { median } from '../../record/statistics/index.ts'
import { addedBy } from './ramps.ts'
import type { Ramp } from './ramps.ts'

/** A level that moves a little with every run, instead of stepping. */
export interface Drift {
  /** The runs between which it moves, in the series as it was given. */
  from: number
  to: number
  /** Levels at both ends, as the trend has them. */
  before: number
  after: number
  /** Relative change a run: 0.01 is 1 % more with each. */
  slope: number
  /** Its 95 % confidence interval. */
  interval: [low: number, high: number]
  /** Whether it goes on at the end of the series. */
  isOngoing: boolean
}

/** 97.5 % of a normal distribution lie below this many standard deviations. */
const interval95 = 1.96
/** The level at a run is that of this many runs on either side. */
const levelReach = 6

/**
 * A ramp in the logarithm of a metric, in the words of its reader.
 *
 * @param ramps all of the series, and its values without them
 * @param places of the values in the series as it was given
 */
export function toDrift(
  ramp: Ramp,
  ramps: readonly Ramp[],
  values: readonly number[],
  places: readonly number[],
): Drift {
  const [from, to] = [places[ramp.from] ?? 0, places[ramp.to] ?? 0]
  const toSlope = (size: number): number => Math.expm1(size / Math.max(1, to - from))
  const levelAt = (at: number): number => {
    const near = values.slice(Math.max(0, at - levelReach), at + levelReach + 1)
    return Math.exp(ramps.reduce((sum, one) => sum + addedBy(one, at), median(near)))
  }
  const reach = interval95 * ramp.error
  return {
    from,
    to,
    before: levelAt(ramp.from),
    after: levelAt(ramp.to),
    slope: toSlope(ramp.size),
    interval: [toSlope(ramp.size - reach), toSlope(ramp.size + reach)],
    isOngoing: ramp.to >= values.length - 1,
  }
}

/**
 * In how many runs after the last one a drift reaches a limit: with its slope, and with the bounds of its
 * interval. Infinity where it never does; undefined when it has ended, or is past the limit already.
 */
export function runsUntil(
  { after, slope, interval, isOngoing }: Drift,
  limit: number,
): { runs: number; between: [first: number, last: number] } | undefined {
  const isPast = slope > 0 ? after >= limit : after <= limit
  if (!isOngoing || isPast) return undefined
  const runsAt = (rate: number): number => {
    const runs = Math.log(limit / after) / Math.log1p(rate)
    return runs > 0 ? Math.ceil(runs) : Number.POSITIVE_INFINITY
  }
  const bounds = interval.map(runsAt)
  return { runs: runsAt(slope), between: [Math.min(...bounds), Math.max(...bounds)] }
}
