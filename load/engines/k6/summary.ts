import { z } from 'zod'
import { describeFirstIssue } from '../../../record/documents/index.ts'
import { HistogramSum, roundMicros } from '../../../record/index.ts'
import type { Bucket, Histogram } from '../../../record/index.ts'
import type { EndpointMeasurement } from '../../engine.ts'
import { clientLimits, quantileGrid, requestFailureClasses } from './k6-runtime/metrics.ts'
import type {
  ClientLimit,
  RequestFailureClass,
  ScriptSummary,
  SummaryStep,
  SummaryTrend,
} from './k6-runtime/metrics.ts'
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

const stepSchema = z
  .object({
    latency: trend,
    unanswered: count,
    failed: z.partialRecord(z.enum(requestFailureClasses), count),
  })
  .refine(isConsistent, 'more requests failed than were made')

const schema = z.object({
  nonce: z.string(),
  shard: z.object({ name: z.string(), plan: z.string(), format: z.string() }).exactOptional(),
  dropped: count,
  warmups: count,
  users: count,
  lateness: trend,
  iterations: trend,
  connecting: trend,
  limits: z.record(z.enum(clientLimits), amount),
  steps: z.array(stepSchema),
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

/** What one k6 counted, or several of one run together. */
export interface RunCounts {
  dropped: number
  warmups: number
  users: number
  lateness: Histogram
  iterations: Histogram
  connections: { histogram: Histogram; timeSumMs: number }
  limits: Record<ClientLimit, number>
  steps: StepCounts[]
}

export interface StepCounts extends EndpointMeasurement {
  failed: Partial<Record<RequestFailureClass, number>>
}

export function toCounts(summary: ScriptSummary): RunCounts {
  const { dropped, warmups, users, lateness, iterations, connecting, limits, steps } = summary
  return {
    dropped,
    warmups,
    users,
    lateness: toHistogram(lateness),
    iterations: toHistogram(iterations),
    connections: { histogram: toHistogram(connecting), timeSumMs: sumOf(connecting) },
    limits,
    steps: steps.map((step) => ({
      requests: countRequests(step),
      errors: countErrors(step),
      histogram: toHistogram(step.latency),
      latencySumMs: sumOf(step.latency),
      failed: step.failed,
    })),
  }
}

function sumOf(trendOrNone: SummaryTrend | null): number {
  return trendOrNone === null ? 0 : trendOrNone.avg * trendOrNone.count
}

/** Adds what several k6 of one run counted, one after another, in memory that does not grow with them. */
export class CountsSum {
  readonly #lateness = new HistogramSum()
  readonly #iterations = new HistogramSum()
  readonly #connections = { sum: new HistogramSum(), timeSumMs: 0 }
  readonly #steps: (Omit<StepCounts, 'histogram'> & { sum: HistogramSum })[]
  readonly #totals = { dropped: 0, warmups: 0, users: 0, limits: { files: 0, ports: 0 } }

  constructor(steps: number) {
    this.#steps = Array.from({ length: steps }, () => ({
      requests: 0,
      errors: 0,
      latencySumMs: 0,
      failed: {},
      sum: new HistogramSum(),
    }))
  }

  add(counts: RunCounts): void {
    const totals = this.#totals
    totals.dropped += counts.dropped
    totals.warmups += counts.warmups
    totals.users += counts.users
    for (const limit of clientLimits) totals.limits[limit] += counts.limits[limit]
    this.#lateness.add(counts.lateness)
    this.#iterations.add(counts.iterations)
    this.#connections.sum.add(counts.connections.histogram)
    this.#connections.timeSumMs += counts.connections.timeSumMs
    for (const [index, step] of counts.steps.entries()) {
      const into = this.#steps[index]
      if (into === undefined) continue
      into.requests += step.requests
      into.errors += step.errors
      into.latencySumMs += step.latencySumMs
      into.sum.add(step.histogram)
      for (const failure of requestFailureClasses) {
        const failed = step.failed[failure] ?? 0
        if (failed > 0) into.failed[failure] = (into.failed[failure] ?? 0) + failed
      }
    }
  }

  counts(): RunCounts {
    return {
      ...this.#totals,
      lateness: this.#lateness.histogram(),
      iterations: this.#iterations.histogram(),
      connections: {
        histogram: this.#connections.sum.histogram(),
        timeSumMs: this.#connections.timeSumMs,
      },
      steps: this.#steps.map(({ sum, ...step }) => ({ ...step, histogram: sum.histogram() })),
    }
  }
}

/** The number of requests of a step, with and without an answer. */
function countRequests(counts: SummaryStep): number {
  return (counts.latency?.count ?? 0) + counts.unanswered
}

function countErrors(counts: Pick<SummaryStep, 'failed'>): number {
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
