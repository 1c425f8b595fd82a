import { z } from 'zod'
import { describeFirstIssue } from '../../../record/documents/index.ts'
import { roundMicros } from '../../../record/index.ts'
import type { Bucket, Histogram } from '../../../record/index.ts'
import { clientLimits, quantileGrid, requestFailureClasses } from './k6-runtime/metrics.ts'
import type { ScriptSummary, SummaryStep, SummaryTrend } from './k6-runtime/metrics.ts'
import type { LoadScriptPlan } from './k6-runtime/wire.ts'

/*
 * Reads the summary that our script writes at the end: checks it, and turns k6's quantiles into histograms.
 */

export type SummaryResult = { state: 'ok'; summary: ScriptSummary } | { state: 'invalid'; reason: string }

const count = z.int().nonnegative()
const amount = z.number().nonnegative()
/** k6 adds up microseconds in floating point. */
const tolerance = 1e-6

const trend = z
  .object({
    count: z.int().positive(),
    avg: z.number(),
    min: z.number(),
    max: z.number(),
    quantiles: z.array(z.number()).length(quantileGrid().length),
  })
  .refine(
    ({ avg, min, max }) => min <= avg + tolerance && avg <= max + tolerance,
    'the mean lies outside of minimum and maximum',
  )
  .refine(({ min, max, quantiles }) => isRising([min, ...quantiles, max]), 'the quantiles do not rise')
  .nullable()

const step = z
  .object({
    latency: trend,
    unanswered: count,
    failed: z.partialRecord(z.enum(requestFailureClasses), count),
  })
  .refine(isConsistent, 'more requests failed than were made')

const schema = z.object({
  nonce: z.string(),
  dropped: count,
  warmups: count,
  users: count,
  lateness: trend,
  iterations: trend,
  connecting: trend,
  limits: z.record(z.enum(clientLimits), amount),
  steps: z.array(step),
  complete: z.literal(true),
})

/**
 * Reads a run's summary, and refuses one that is incomplete or of another run. k6 does not write it
 * atomically, an older file may have its name, and a script may have thrown half-way: without this run's
 * nonce and consistent counts it is no measurement.
 */
export function readSummary(text: string, plan: Pick<LoadScriptPlan, 'nonce' | 'steps'>): SummaryResult {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { state: 'invalid', reason: `is not complete JSON (${text.length} characters)` }
  }
  const checked = schema.safeParse(value)
  if (!checked.success)
    return { state: 'invalid', reason: `is invalid: ${describeFirstIssue(checked.error)}` }
  const { nonce, steps } = checked.data
  if (nonce !== plan.nonce) return { state: 'invalid', reason: 'is of another run' }
  if (steps.length !== plan.steps.length)
    return { state: 'invalid', reason: `holds ${steps.length} steps, expected ${plan.steps.length}` }
  return { state: 'ok', summary: checked.data }
}

/** The number of requests of a step, with and without an answer. */
export function countRequests(counts: SummaryStep): number {
  return (counts.latency?.count ?? 0) + counts.unanswered
}

export function countErrors(counts: Pick<SummaryStep, 'failed'>): number {
  return Object.values(counts.failed).reduce((sum, failed) => sum + failed, 0)
}

function isConsistent(counts: SummaryStep): boolean {
  const errors = countErrors(counts)
  return counts.unanswered <= errors && errors <= countRequests(counts)
}

function isRising(values: readonly number[]): boolean {
  return values.every((value, index) => value >= (values[index - 1] ?? Number.NEGATIVE_INFINITY) - tolerance)
}

/** A value that k6 gave for a percentile, with the rank under which a histogram looks that percentile up. */
interface Point {
  rank: number
  ms: number
  /**
   * Distance of the percentile from that rank's own sample, in samples; −1 for a percentile that records
   * show, so that it is preferred.
   */
  distance: number
}

/** Percentiles that records show: theirs must equal k6's to the microsecond. */
const shownPercentiles = new Set([50, 90, 95, 99])

/**
 * The histogram of a metric of which k6 reports the count and quantiles, not the samples: `record`'s
 * percentiles of it are k6's, the counts add up to k6's count, and no bucket holds more than 0.1 % of the
 * samples (or one sample) unless their values are the same.
 *
 * k6 interpolates (percentile p of n samples lies p·(n − 1)/100 samples after the first), records take the
 * nearest rank (sample ⌈p·n/100⌉). So k6's value of p is put at the rank under which it will be looked up.
 * Where several percentiles have the same rank, which happens below 2,000 samples, a percentile that records
 * show is kept, else the one that k6 interpolated least; the last rank is the maximum.
 */
export function toHistogram(trendOrNone: SummaryTrend | null): Histogram {
  if (trendOrNone === null) return []
  const { count: n, quantiles, max } = trendOrNone
  const grid = quantileGrid()
  const points = quantiles.map((ms, index) => toPoint(grid[index] ?? 100, ms, n))
  return toBuckets([...selectOnePerRank(points, n), { rank: n, ms: max, distance: 0 }])
}

function toPoint(percent: number, ms: number, n: number): Point {
  const rank = Math.max(1, Math.ceil((percent * n) / 100 - 1e-9))
  const distance = shownPercentiles.has(percent) ? -1 : Math.abs((percent * (n - 1)) / 100 - (rank - 1))
  return { rank, ms, distance }
}

function selectOnePerRank(points: readonly Point[], n: number): Point[] {
  const best = new Map<number, Point>()
  for (const point of points) {
    const other = best.get(point.rank)
    if (point.rank < n && (other === undefined || point.distance < other.distance))
      best.set(point.rank, point)
  }
  // Ranks rise with the percentiles, and a map keeps the order in which its keys came.
  return [...best.values()]
}

function toBuckets(points: readonly Point[]): Histogram {
  const buckets: Bucket[] = []
  let countBelow = 0
  for (const { rank, ms } of points) {
    const upperMs = roundMicros(ms)
    const last = buckets.at(-1)
    if (last !== undefined && last[0] >= upperMs)
      buckets[buckets.length - 1] = [last[0], last[1] + rank - countBelow]
    else buckets.push([upperMs, rank - countBelow])
    countBelow = rank
  }
  return buckets
}
