import { z } from 'zod'
import { describeFirstIssue } from '../../../record/documents/index.ts'
import { HistogramSum } from '../../../record/index.ts'
import type { Histogram } from '../../../record/index.ts'
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
const grid = quantileGrid()

const trend = z
  .object({
    count: z.int().positive(),
    avg: z.number(),
    min: z.number(),
    max: z.number(),
    // A loop instead of a schema for each: a hundred shards report millions of them.
    rises: z.custom<number[]>(isRising, `expected ${grid.length} rising quantiles in whole microseconds`),
  })
  .refine(
    ({ avg, min, max }) => min <= avg + tolerance && avg <= max + tolerance,
    'the mean lies outside of minimum and maximum',
  )
  .refine(
    ({ min, max, rises }) => isBetween(rises, min, max),
    'the quantiles lie outside of minimum and maximum',
  )
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

/** @param latencies of a step; `() => []` where only its counts are needed */
export function toCounts(summary: ScriptSummary, latencies = toHistogram): RunCounts {
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
      histogram: latencies(step.latency),
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

  add(summary: ScriptSummary): void {
    const counts = toCounts(summary, () => [])
    const totals = this.#totals
    totals.dropped += counts.dropped
    totals.warmups += counts.warmups
    totals.users += counts.users
    for (const limit of clientLimits) totals.limits[limit] += counts.limits[limit]
    visitBuckets(summary.lateness, this.#lateness.add)
    visitBuckets(summary.iterations, this.#iterations.add)
    visitBuckets(summary.connecting, this.#connections.sum.add)
    this.#connections.timeSumMs += counts.connections.timeSumMs
    for (const [index, step] of counts.steps.entries()) {
      const into = this.#steps[index]
      if (into === undefined) continue
      into.requests += step.requests
      into.errors += step.errors
      into.latencySumMs += step.latencySumMs
      visitBuckets(summary.steps[index]?.latency ?? null, into.sum.add)
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

function isRising(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== grid.length) return false
  const rises: unknown[] = value
  return rises.every((rise, index) => Number.isSafeInteger(rise) && (index === 0 || Number(rise) >= 0))
}

/** Quantiles are rounded to microseconds; minimum and maximum are not. */
function isBetween(rises: readonly number[], minMs: number, maxMs: number): boolean {
  const lastMicros = rises.reduce((sum, rise) => sum + rise, 0)
  return (rises[0] ?? 0) >= minMs * 1000 - 0.5 - tolerance && lastMicros <= maxMs * 1000 + 0.5 + tolerance
}

/** Percentiles that records show: theirs must equal k6's to the microsecond. */
const shownPercentiles = new Set([50, 90, 95, 99])
const isShown = grid.map((percent) => shownPercentiles.has(percent))

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
  const buckets: [number, number][] = []
  visitBuckets(trendOrNone, (upperMs, samples) => buckets.push([upperMs, samples]))
  return buckets
}

/** The buckets of that histogram, without one in memory. */
function visitBuckets(
  trendOrNone: SummaryTrend | null,
  visit: (upperMs: number, samples: number) => void,
): void {
  if (trendOrNone === null) return
  const { count: n, rises, max } = trendOrNone
  let [micros, openMicros, visitedRank, openRank] = [0, 0, 0, 0]
  // Of the percentiles of one rank: the one kept so far, and how far k6 interpolated it, in samples.
  let kept = { rank: 0, micros: 0, distance: Number.POSITIVE_INFINITY }
  const close = (rank: number, upperMicros: number): void => {
    if (upperMicros > openMicros && openRank > visitedRank) {
      visit(openMicros / 1000, openRank - visitedRank)
      visitedRank = openRank
    }
    openMicros = openRank === 0 ? upperMicros : Math.max(openMicros, upperMicros)
    openRank = rank
  }
  for (let index = 0; index < grid.length; index += 1) {
    const percent = grid[index] ?? 100
    micros += rises[index] ?? 0
    const rank = Math.max(1, Math.ceil((percent * n) / 100 - 1e-9))
    if (rank >= n) break
    const distance = isShown[index] ? -1 : Math.abs((percent * (n - 1)) / 100 - (rank - 1))
    if (rank === kept.rank && distance >= kept.distance) continue
    if (rank > kept.rank && kept.rank > 0) close(kept.rank, kept.micros)
    kept = { rank, micros, distance }
  }
  if (kept.rank > 0) close(kept.rank, kept.micros)
  close(n, Math.round(max * 1000))
  visit(openMicros / 1000, openRank - visitedRank)
}
