import { roundMicros } from '../../../record/index.ts'
import type { Bucket, Histogram } from '../../../record/index.ts'
import { quantileGrid } from './k6-runtime/wire.ts'
import type { SummaryTrend } from './k6-runtime/wire.ts'

/** A value that k6 gave for a percentile, by the rank that a histogram looks that percentile up under. */
interface Point {
  rank: number
  ms: number
  /** How far the percentile lies from that rank's own sample, in samples; a percentile that records show comes first. */
  distance: number
}

/** Percentiles that records show: theirs must be k6's own to the microsecond. */
const shown = new Set([50, 90, 95, 99])

/**
 * The histogram of a metric of which k6 gave the count and quantiles, not the samples: `record`'s percentiles of it are
 * k6's, the counts add up to k6's count, and no bucket holds more than 0.1 % of the samples (or one sample) unless their
 * values are the same.
 *
 * k6 interpolates (percentile p of n samples lies p·(n − 1)/100 samples after the first), records take the nearest rank
 * (sample ⌈p·n/100⌉). So k6's value of p is put at the rank under which it will be asked for. Where several percentiles
 * fall on one rank, which they do below 2,000 samples, a percentile that records show is kept, else the one that k6 had
 * to interpolate least; the last rank is the maximum.
 */
export function histogramOfTrend(trend: SummaryTrend): Histogram {
  const { count: n } = trend
  const grid = quantileGrid()
  const points = trend.quantiles.map((ms, index) => pointOf(grid[index] ?? 100, ms, n))
  return bucketsOf([...oneForEachRank(points, n), { rank: n, ms: trend.max, distance: 0 }])
}

function pointOf(percent: number, ms: number, n: number): Point {
  const rank = Math.max(1, Math.ceil((percent * n) / 100 - 1e-9))
  return { rank, ms, distance: shown.has(percent) ? -1 : Math.abs((percent * (n - 1)) / 100 - (rank - 1)) }
}

function oneForEachRank(points: readonly Point[], n: number): Point[] {
  const best = new Map<number, Point>()
  for (const point of points) {
    const other = best.get(point.rank)
    if (point.rank < n && (other === undefined || point.distance < other.distance))
      best.set(point.rank, point)
  }
  // Ranks rise with the percentiles, and a map keeps the order in which its keys came.
  return [...best.values()]
}

function bucketsOf(points: readonly Point[]): Histogram {
  const buckets: Bucket[] = []
  let below = 0
  for (const { rank, ms } of points) {
    const upperMs = roundMicros(ms)
    const last = buckets.at(-1)
    if (last !== undefined && last[0] >= upperMs)
      buckets[buckets.length - 1] = [last[0], last[1] + rank - below]
    else buckets.push([upperMs, rank - below])
    below = rank
  }
  return buckets
}
