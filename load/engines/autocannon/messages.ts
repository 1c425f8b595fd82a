import { z } from 'zod'
import { maxFailureDetails } from '../../engine.ts'
import { failureClasses } from '../../../record/index.ts'
import type { Histogram } from '../../../record/index.ts'

/**
 * What the engine and its load process exchange. To the process: one file, `plan.json`, named on its command
 * line, and SIGTERM to end in good order. From it: lines `<nonce> <JSON>` on its standard output, and one
 * file, `result.json`, for what may be longer than a line. The journeys run in that process and may print
 * anything, so lines without the nonce are ignored and the rest is validated. The process imports the types
 * of this module only: it need not load what validates.
 */

/** One of `of` processes that make a load together. */
export interface ProcessShard {
  name: string
  /** From 0. */
  index: number
  of: number
  /** Digest of what all of them are to do. */
  plan: string
  format: string
}

/** Changed whenever a shard's result counts something else, or is written in another way. */
export const shardFormat = 'vigil.autocannon-shard/1'

export interface ProcessPlan {
  nonce: string
  run: string
  targetUrl: string
  /** The IP address chosen for the target's host name. */
  ip: string | undefined
  /** Names of environment variables of the process, which hold the values. */
  secrets: string[]
  /** Absolute path of the journeys module. */
  module: string
  mix: { journey: string; weight: number }[]
  connections: number
  /** The number of its first user: where several processes share a load, each has others. */
  firstUser: number
  /** Set where several processes share a load: this one waits, ready, until it is released. */
  shard?: ProcessShard
  warmupMs: number
  durationMs: number
  requestTimeoutMs: number
  /** What each user's `before` steps saved, by journey. */
  contexts: Record<string, Record<string, unknown>[]>
  /** Absolute path where the result is to be written. */
  resultFile: string
}

const amount = z.number().nonnegative()
const count = z.int().nonnegative()

const messageSchema = z.discriminatedUnion('say', [
  z.strictObject({
    say: z.literal('progress'),
    phase: z.enum(['warmup', 'measure', 'finish']),
    secondsLeft: amount,
    requestsPerSecond: amount,
    p95Ms: amount.optional(),
    errors: count,
  }),
  z.strictObject({ say: z.literal('ready') }),
  z.strictObject({ say: z.literal('begin') }),
  z.strictObject({ say: z.literal('end') }),
  z.strictObject({ say: z.literal('usage-error'), problem: z.string() }),
  // Its work is done, and the result file, if there is one, is complete.
  z.strictObject({ say: z.literal('done') }),
])

export type ProcessMessage = z.infer<typeof messageSchema>

// A tight loop instead of a schema for each of thousands of pairs; the record's own reader checks bounds and
// counts.
const histogram = z.custom<Histogram>(
  (value) =>
    Array.isArray(value) &&
    value.every(
      (pair) =>
        Array.isArray(pair) && pair.length === 2 && pair.every((part) => Number.isFinite(part) && part >= 0),
    ),
)

const recordingSchema = z.strictObject({
  durationMs: amount,
  // Requests that began in the measured time, counted when they began.
  offered: count,
  // By `journey/step`.
  endpoints: z.record(
    z.string(),
    z.strictObject({ requests: count, errors: count, histogram, latencySumMs: amount }),
  ),
  connections: z.strictObject({ histogram, timeSumMs: amount }),
  failures: z.array(
    z.strictObject({
      step: z.string(),
      class: z.enum(failureClasses),
      count,
      firstAtMs: amount,
      // 200 characters, of up to two UTF-16 units each.
      example: z.string().max(400),
      statuses: z.array(count).max(maxFailureDetails.statuses).exactOptional(),
      requestIds: z.array(z.string().max(64)).max(maxFailureDetails.requestIds).exactOptional(),
    }),
  ),
  timeline: z.array(
    z.strictObject({
      atMs: amount,
      requests: count,
      errors: count,
      p50Ms: amount.exactOptional(),
      p95Ms: amount.exactOptional(),
      p99Ms: amount.exactOptional(),
    }),
  ),
  // Requests that this machine could not make, by error code.
  own: z.record(z.string(), count),
  // Of all answered requests.
  latencyP99Ms: amount,
})

/** What was counted in the measured time. */
export type Recording = z.infer<typeof recordingSchema>

const resultSchema = recordingSchema.extend({
  nonce: z.string(),
  startedAt: z.iso.datetime(),
  shard: z.strictObject({ name: z.string(), plan: z.string(), format: z.string() }).exactOptional(),
  work: z.strictObject({
    cpuRatio: amount,
    busyRatio: amount,
    starvedRatio: amount,
    eventLoopP99Ms: amount,
    throttling: z
      .strictObject({ quotaCores: amount, periodsRatio: amount, stoppedRatio: amount })
      .exactOptional(),
  }),
})

/** What the process measured, as it stands in its result file. */
export type ProcessResult = z.infer<typeof resultSchema>

/** The message in a line of the process's output, or undefined when it holds none. */
export function readMessage(nonce: string, line: string): ProcessMessage | undefined {
  if (!line.startsWith(`${nonce} `)) return undefined
  return messageSchema.safeParse(jsonOf(line.slice(nonce.length + 1))).data
}

/** The result in the process's file, or undefined when it is none, or of another run. */
export function readResult(nonce: string, text: string): ProcessResult | undefined {
  const result = resultSchema.safeParse(jsonOf(text)).data
  return result?.nonce === nonce ? result : undefined
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
