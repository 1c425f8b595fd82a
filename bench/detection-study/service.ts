import { endpointOf, totalsOf } from '../../record/index.ts'
import type { Bucket, ComparableRun, Counts } from '../../record/index.ts'
import { slotSeconds } from './machine.ts'
import type { RandomSource } from './machine.ts'

/** What the candidate does otherwise than the baseline. */
export interface Change {
  /** Latency of every step, as a factor. */
  all?: number
  /** Latency of one step, as a factor. */
  step?: { name: string; factor: number }
  /** A share of all requests is slower by a factor: only the tail moves. */
  tail?: { share: number; factor: number }
  errorRate?: number
  /** Answered requests, as a factor; the others are dropped. */
  throughput?: number
  /** Other shares of the steps. */
  shares?: readonly number[]
}

export const steps = [
  'task/list',
  'task/read',
  'task/create',
  'task/update',
  'auth/login',
  'export/csv',
] as const
export const usualShares = [0.3, 0.25, 0.18, 0.14, 0.08, 0.05] as const
const medianMs = [6, 2.5, 5, 4, 45, 25]
const sigma = [0.5, 0.4, 0.45, 0.45, 0.3, 0.6]
const usualErrorRate = 0.0005
/** One request in a hundred waits for something: tails are longer than log-normal. */
const stalls = { share: 0.01, log: Math.log(3) }

export type Writer = 'hdr' | 'exact' | 'coarse'

export interface Block {
  seconds: number
  ratePerSecond: number
  /** Logarithm of the machine's slowness, slot by slot. */
  slowness: Float64Array
  change: Change
  writer: Writer
}

/** The record of one block of load, as simulated. */
export function simulateBlock(block: Block, random: RandomSource): ComparableRun {
  const [whole] = simulateParts(block, random, 1)
  if (whole === undefined) throw new Error('no block was simulated')
  return whole
}

/** The records of parts of one block, to which its requests are assigned at random. */
export function simulateParts(
  { seconds, ratePerSecond, slowness, change, writer }: Block,
  random: RandomSource,
  parts: number,
): ComparableRun[] {
  const requests = Math.round(seconds * ratePerSecond)
  const answered = Math.round(requests * (change.throughput ?? 1))
  const cumulated = cumulative(change.shares ?? usualShares)
  const all = Array.from({ length: parts }, () =>
    steps.map((_, index) => tally(writer, logChange(index, change))),
  )
  for (let i = 0; i < answered; i += 1) {
    const draw = random.uniform()
    const step = Math.max(
      0,
      cumulated.findIndex((bound) => draw < bound),
    )
    const slot = Math.min(slowness.length - 1, Math.floor((i / answered) * (seconds / slotSeconds)))
    const tail = change.tail && random.uniform() < change.tail.share ? Math.log(change.tail.factor) : 0
    // One part needs no random number: the same seed gives the same block as before.
    const part = parts === 1 ? 0 : Math.floor(random.uniform() * parts)
    all[part]?.[step]?.add(
      (slowness[slot] ?? 0) +
        tail +
        (sigma[step] ?? 0.5) * random.normal() +
        (random.uniform() < stalls.share ? stalls.log : 0),
      random.uniform() < (change.errorRate ?? usualErrorRate),
    )
  }
  const durationMs = seconds * 1000
  return all.map((tallies) => {
    const counts = tallies.map((one) => one.counts())
    const endpoints = Object.fromEntries(
      steps.map((step, index) => [step, endpointOf(counts[index] ?? noCounts, durationMs)]),
    )
    return { schema: 'vigil.run/1', totals: totalsOf(counts, requests - answered, durationMs), endpoints }
  })
}

const noCounts: Counts = { requests: 0, errors: 0, histogram: [], latencySumMs: 0 }

function cumulative(shares: readonly number[]): number[] {
  let sum = 0
  return shares.map((share) => (sum += share))
}

/** The logarithm of a step's median in milliseconds, with what the change does to it. */
function logChange(step: number, { all = 1, step: one }: Change): number {
  return Math.log((medianMs[step] ?? 1) * all * (one && one.name === steps[step] ? one.factor : 1))
}

/** Counts the requests of one step. */
interface Tally {
  /** `log` is over the step's own median. */
  add: (log: number, failed: boolean) => void
  counts: () => Counts
}

const hdrWidth = Math.log(1.01)
const coarseBoundsMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000, 100_000]

/**
 * Latencies as three kinds of writers keep them: buckets 1 % wide, every sample, or a dozen fixed buckets.
 */
function tally(writer: Writer, logMedian: number): Tally {
  const buckets = new Map<number, number>()
  const bucketOf = (log: number): number =>
    writer === 'hdr'
      ? Math.ceil(log / hdrWidth)
      : writer === 'exact'
        ? Math.ceil(Math.exp(log) * 1000)
        : coarseBoundsMs.findIndex((bound) => log <= Math.log(bound))
  const boundOf = (bucket: number): number =>
    writer === 'hdr'
      ? Math.exp(bucket * hdrWidth)
      : writer === 'exact'
        ? bucket / 1000
        : (coarseBoundsMs[bucket] ?? 0)
  const counted = { requests: 0, errors: 0 }
  return {
    add: (log, failed) => {
      const bucket = bucketOf(logMedian + log)
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1)
      counted.requests += 1
      if (failed) counted.errors += 1
    },
    counts: () => {
      const histogram = [...buckets]
        .toSorted((a, b) => a[0] - b[0])
        .map(([bucket, count]): Bucket => [boundOf(bucket), count])
      return {
        ...counted,
        histogram,
        latencySumMs: histogram.reduce((sum, [ms, count]) => sum + ms * count, 0),
      }
    },
  }
}
