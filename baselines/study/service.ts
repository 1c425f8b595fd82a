import { endpointOf, totalsOf } from '../../record/index.ts'
import type { Bucket, Counts, Histogram } from '../../record/index.ts'
import type { ComparableRun } from '../../record/read.ts'
import type { RandomSource } from './random.ts'
import { slotSeconds } from './machine.ts'

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

export const steps = ['task/list', 'task/read', 'task/create', 'task/update', 'auth/login', 'export/csv'] as const
export const usualShares = [0.3, 0.25, 0.18, 0.14, 0.08, 0.05] as const
const medianMs = [6, 2.5, 5, 4, 45, 25]
const sigma = [0.5, 0.4, 0.45, 0.45, 0.3, 0.6]
const usualErrorRate = 0.0005
/** One request in a hundred waits for something: tails are longer than log-normal. */
const stalls = { share: 0.01, factor: 3 }

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
export function simulateBlock({ seconds, ratePerSecond, slowness, change, writer }: Block, random: RandomSource): ComparableRun {
  const requests = Math.round(seconds * ratePerSecond)
  const answered = Math.round(requests * (change.throughput ?? 1))
  const cumulated = cumulative(change.shares ?? usualShares)
  const latencies: number[][] = steps.map(() => [])
  const errors = steps.map(() => 0)
  for (let i = 0; i < answered; i += 1) {
    const draw = random.uniform()
    const step = Math.max(0, cumulated.findIndex((bound) => draw < bound))
    const slot = Math.min(slowness.length - 1, Math.floor((i / answered) * (seconds / slotSeconds)))
    latencies[step]?.push(latency(step, change, random) * Math.exp(slowness[slot] ?? 0))
    if (random.uniform() < (change.errorRate ?? usualErrorRate)) errors[step] = (errors[step] ?? 0) + 1
  }
  return recordOf(latencies, errors, requests - answered, seconds, writer)
}

function cumulative(shares: readonly number[]): number[] {
  let sum = 0
  return shares.map((share) => (sum += share))
}

function latency(step: number, change: Change, random: RandomSource): number {
  let ms = (medianMs[step] ?? 1) * Math.exp((sigma[step] ?? 0.5) * random.normal())
  if (random.uniform() < stalls.share) ms *= stalls.factor
  if (change.all) ms *= change.all
  if (change.step && change.step.name === steps[step]) ms *= change.step.factor
  if (change.tail && random.uniform() < change.tail.share) ms *= change.tail.factor
  return ms
}

function recordOf(latencies: readonly number[][], errors: readonly number[], dropped: number, seconds: number, writer: Writer): ComparableRun {
  const durationMs = seconds * 1000
  const counts = steps.map((_, index): Counts => {
    const samples = latencies[index] ?? []
    return { requests: samples.length, errors: errors[index] ?? 0, histogram: histogramBy(writer, samples), latencySumMs: samples.reduce((sum, ms) => sum + ms, 0) }
  })
  const endpoints = Object.fromEntries(steps.map((step, index) => [step, endpointOf(counts[index] ?? { requests: 0, errors: 0, histogram: [], latencySumMs: 0 }, durationMs)]))
  return { schema: 'vigil.run/1', totals: totalsOf(counts, dropped, durationMs), endpoints }
}

const coarseBoundsMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000]

/** Latencies as three kinds of writers keep them: buckets 1 % wide, every sample, or a dozen fixed buckets. */
function histogramBy(writer: Writer, samples: readonly number[]): Histogram {
  const upper: (ms: number) => number =
    writer === 'hdr' ? (ms) => 1.01 ** Math.ceil(Math.log(ms) / Math.log(1.01)) : writer === 'coarse' ? (ms) => coarseBoundsMs.find((bound) => ms <= bound) ?? Math.ceil(ms) : (ms) => Math.ceil(ms * 1000) / 1000
  const counts = new Map<number, number>()
  for (const ms of samples) {
    const bound = upper(ms)
    counts.set(bound, (counts.get(bound) ?? 0) + 1)
  }
  return [...counts].toSorted((a, b) => a[0] - b[0]) satisfies Bucket[]
}
