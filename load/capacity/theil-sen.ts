import { lagOneCorrelation, varianceInflation } from '../../record/statistics/index.ts'
import { median } from './sample.ts'

/** An estimate with the ends of its 95 % interval. */
export interface Interval {
  low: number
  middle: number
  high: number
}

/** Two-sided 95 %. */
const z = 1.959963984540054

/**
 * The slope of a line by Theil and Sen: the median of the slopes between any two points, which a fifth of
 * spoilt points does not move. Its interval is that of Kendall's test (Sen 1968, J. Am. Stat. Assoc.
 * 63:1379).
 *
 * @param x distinct
 * @param inflation of the variance of Kendall's statistic, 1 for independent points
 */
export function theilSen(x: readonly number[], y: readonly number[], inflation = 1): Interval {
  const slopes: number[] = []
  for (let from = 0; from < x.length; from += 1) {
    for (let to = from + 1; to < x.length; to += 1)
      slopes.push(
        ((y[to] ?? Number.NaN) - (y[from] ?? Number.NaN)) / ((x[to] ?? Number.NaN) - (x[from] ?? Number.NaN)),
      )
  }
  slopes.sort((a, b) => a - b)
  const n = x.length
  const spread = z * Math.sqrt(((n * (n - 1) * (2 * n + 5)) / 18) * inflation)
  const at = (rank: number): number => slopes[Math.min(Math.max(rank, 0), slopes.length - 1)] ?? Number.NaN
  return {
    low: at(Math.round((slopes.length - spread) / 2) - 1),
    middle: median(slopes),
    high: at(Math.round((slopes.length + spread) / 2)),
  }
}

/**
 * By how much the variance of a trend's test grows when each value resembles the one before: (1 + r) / (1 −
 * r) for a series of lag-1 correlation r (Hamed & Rao 1998, J. Hydrol. 204:182, with that correlation alone).
 *
 * @param rest what is left of the series without its trend
 */
export function inflationOf(rest: readonly number[]): number {
  const mean = rest.reduce((sum, value) => sum + value, 0) / rest.length
  const { correlation, squares } = lagOneCorrelation(rest, mean)
  // A straight line leaves only what rounding does.
  if (squares <= 1e-18 * rest.reduce((sum, value) => sum + value * value, 0)) return 1
  const r = Math.min(Math.max(correlation, 0), 0.95)
  return varianceInflation(r)
}
