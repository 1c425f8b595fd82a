import { z } from 'zod'
import { failureClasses } from '../../../record/index.ts'
import type { Histogram } from '../../../record/index.ts'
import type { ProcessMessage, ProcessResult } from './wire.ts'

/** Reads what the load process says (wire.ts). A journey runs there, so it is not to be trusted to be ours. */

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
  z.strictObject({ say: z.literal('begin') }),
  z.strictObject({ say: z.literal('end') }),
  z.strictObject({ say: z.literal('usage-error'), problem: z.string() }),
  z.strictObject({ say: z.literal('done') }),
])

// A tight loop instead of a schema for each of thousands of pairs; the record's own reader checks bounds and counts.
const histogram = z.custom<Histogram>(
  (value) =>
    Array.isArray(value) &&
    value.every(
      (pair) =>
        Array.isArray(pair) && pair.length === 2 && pair.every((part) => Number.isFinite(part) && part >= 0),
    ),
)

const resultSchema = z.strictObject({
  nonce: z.string(),
  startedAt: z.iso.datetime(),
  durationMs: amount,
  endpoints: z.record(
    z.string(),
    z.strictObject({ requests: count, errors: count, histogram, latencySumMs: amount }),
  ),
  failures: z.array(
    z.strictObject({
      step: z.string(),
      class: z.enum(failureClasses),
      count,
      firstAtMs: amount,
      // 200 characters, of up to two UTF-16 units each.
      example: z.string().max(400),
    }),
  ),
  timeline: z.array(
    z.strictObject({ atMs: amount, requests: count, errors: count, p95Ms: amount.exactOptional() }),
  ),
  own: z.record(z.string(), count),
  latencyP99Ms: amount,
  work: z.strictObject({ cpuRatio: amount, busyRatio: amount, starvedRatio: amount, eventLoopP99Ms: amount }),
})

/** The message in a line of the process's output, or undefined when it is none. */
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
