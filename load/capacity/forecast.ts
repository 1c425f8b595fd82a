import { lagOneCorrelation, median, varianceInflation } from '../../record/statistics/index.ts'

/** A figure at a time, in milliseconds since 1970. */
export interface Point {
  atMs: number
  value: number
}

/** When a growing figure comes to a limit. Dates in milliseconds since 1970; rates per day. */
export type Forecast =
  | { state: 'too short'; reason: string }
  | { state: 'reached'; nowValue: number }
  /** It does not grow, or so slowly that its interval has no end; `earliest` when it might. */
  | { state: 'not in sight'; nowValue: number; perDay: Interval; earliestMs: number | undefined }
  | {
      state: 'in sight'
      nowValue: number
      perDay: Interval
      earliestMs: number
      likelyMs: number
      latestMs: number | undefined
    }

const dayMs = 86_400_000
/** A line through fewer days adds nothing to what a person sees. */
const minDays = 7
/** Plans do not reach further, and no line stays valid for longer. */
const horizonDays = 5 * 365

/**
 * Fits a line to the days' medians, widens its interval by how much a day resembles the day before, and
 * follows it to the limit.
 *
 * @param limit the value that must not be reached
 */
export function forecast(points: readonly Point[], limit: number, nowMs: number): Forecast {
  const days = toDailyMedians(points.filter(({ value }) => Number.isFinite(value)))
  const spanDays = ((days.at(-1)?.atMs ?? 0) - (days[0]?.atMs ?? 0)) / dayMs
  if (days.length < minDays)
    return {
      state: 'too short',
      reason: `values of ${days.length} days over ${spanDays.toFixed(0)} days, expected at least ${minDays}`,
    }
  const perDay = estimateTrend(days)
  const nowValue = median(days.map(({ atMs, value }) => value + (perDay.middle * (nowMs - atMs)) / dayMs))
  if (nowValue >= limit) return { state: 'reached', nowValue }
  const reachedAt = (rate: number): number | undefined => {
    const inDays = (limit - nowValue) / rate
    return rate > 0 && inDays <= horizonDays ? nowMs + inDays * dayMs : undefined
  }
  const [earliestMs, likelyMs, latestMs] = [
    reachedAt(perDay.high),
    reachedAt(perDay.middle),
    reachedAt(perDay.low),
  ]
  if (earliestMs === undefined || likelyMs === undefined)
    return { state: 'not in sight', nowValue, perDay, earliestMs }
  return { state: 'in sight', nowValue, perDay, earliestMs, likelyMs, latestMs }
}

/** One point a day of UTC: the median of its values, at its noon. */
function toDailyMedians(points: readonly Point[]): Point[] {
  return [...Map.groupBy(points, ({ atMs }) => Math.floor(atMs / dayMs))]
    .toSorted(([a], [b]) => a - b)
    .map(([day, values]) => ({ atMs: (day + 0.5) * dayMs, value: median(values.map(({ value }) => value)) }))
}

/** Per day. */
function estimateTrend(days: readonly Point[]): Interval {
  const x = days.map(({ atMs }) => atMs / dayMs)
  const y = days.map(({ value }) => value)
  const { middle } = theilSen(x, y)
  return theilSen(x, y, estimateInflation(y.map((value, index) => value - middle * (x[index] ?? 0))))
}

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
export function estimateInflation(rest: readonly number[]): number {
  const mean = rest.reduce((sum, value) => sum + value, 0) / rest.length
  const { correlation, squares } = lagOneCorrelation(rest, mean)
  // A straight line leaves only what rounding does.
  if (squares <= 1e-18 * rest.reduce((sum, value) => sum + value * value, 0)) return 1
  const r = Math.min(Math.max(correlation, 0), 0.95)
  return varianceInflation(r)
}
