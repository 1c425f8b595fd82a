import { median } from './sample.ts'
import { inflationOf, theilSen } from './theil-sen.ts'
import type { Interval } from './theil-sen.ts'

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
      reason: `${days.length} days of values over ${spanDays.toFixed(0)} days: at least ${minDays} are needed`,
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
    .map(([day, of]) => ({ atMs: (day + 0.5) * dayMs, value: median(of.map(({ value }) => value)) }))
}

/** Per day. */
function estimateTrend(days: readonly Point[]): Interval {
  const x = days.map(({ atMs }) => atMs / dayMs)
  const y = days.map(({ value }) => value)
  const { middle } = theilSen(x, y)
  return theilSen(x, y, inflationOf(y.map((value, index) => value - middle * (x[index] ?? 0))))
}
