import { z } from 'zod'
import { failureClasses } from './run.ts'
import type { Histogram } from './run.ts'

const count = z.int().nonnegative()
const amount = z.number().nonnegative()
const ratio = z.number().min(0).max(1)

const latency = z.looseObject({
  meanMs: amount,
  p50Ms: amount,
  p90Ms: amount,
  p95Ms: amount,
  p99Ms: amount,
  maxMs: amount,
})
const totals = z.looseObject({
  requests: count,
  errors: count,
  errorRate: ratio,
  throughputRps: amount,
  latency,
})

// A record has thousands of buckets and `vigil compare` reads hundreds of records: one tight loop instead of a schema for
// each pair. The published JSON Schema says the same in its own words (see jsonSchema below).
const histogram = z.custom<Histogram>().superRefine((value: unknown, ctx) => {
  const problem = histogramProblem(value)
  if (problem) ctx.addIssue({ code: 'custom', path: problem.path, message: problem.message })
})

const endpoint = z.looseObject({ ...totals.shape, histogram })

const measured = {
  totals,
  endpoints: z.record(z.string().min(1).max(200), endpoint),
  server: z.looseObject({
    cpuMsPerRequest: amount.exactOptional(),
    rssMaxBytes: amount.exactOptional(),
    eventLoopP99Ms: amount.exactOptional(),
    dbMsPerRequest: amount.exactOptional(),
    statementsPerRequest: amount.exactOptional(),
    dbPoolUsedRatio: amount.exactOptional(),
    dbPoolWaiting: amount.exactOptional(),
  }),
  generator: z.looseObject({
    cpuRatio: amount.exactOptional(),
    eventLoopP99Ms: amount.exactOptional(),
    droppedArrivals: count.exactOptional(),
    offeredRps: amount.exactOptional(),
  }),
  timeline: z.array(
    z.looseObject({ atMs: amount, requests: count, errors: count, p95Ms: amount.exactOptional() }),
  ),
  failures: z.array(
    z.looseObject({
      step: z.string().nullable(),
      class: z.enum(failureClasses),
      count,
      firstAtMs: amount.exactOptional(),
      example: z.string().max(1000).exactOptional(),
    }),
  ),
  validity: z.looseObject({ valid: z.boolean(), reasons: z.array(z.string()) }),
}

const identity = {
  schema: z.literal('vigil.run/1'),
  id: z.string().min(1).max(200),
  suite: z.string().min(1).max(200),
  engine: z.string().min(1).max(100),
  target: z.looseObject({
    url: z.string(),
    revision: z.string().exactOptional(),
    dirty: z.boolean().exactOptional(),
  }),
  environment: z.looseObject({ fingerprint: z.string().min(1) }),
  startedAt: z.iso.datetime(),
  durationMs: amount,
  load: z.looseObject({
    model: z.enum(['arrival-rate', 'connections', 'once']),
    ratePerSecond: amount.exactOptional(),
    connections: count.exactOptional(),
    shards: count.exactOptional(),
  }),
}

const { server, generator, timeline, failures } = measured
const extras = {
  interrupted: z.boolean().exactOptional(),
  server: server.exactOptional(),
  generator: generator.exactOptional(),
  timeline: timeline.exactOptional(),
  failures: failures.exactOptional(),
  crossedThresholds: z.array(z.string().max(1000)).exactOptional(),
}

/** A whole record. Unknown fields are kept. */
export const runSchema = z.looseObject({
  ...identity,
  ...extras,
  totals,
  endpoints: measured.endpoints,
  validity: measured.validity,
})

/** The least that can be compared: other tools feed us records with nothing but `schema`, `totals` and `endpoints`. */
export const comparableSchema = z.looseObject({
  schema: identity.schema,
  id: identity.id.exactOptional(),
  suite: identity.suite.exactOptional(),
  engine: identity.engine.exactOptional(),
  target: identity.target.exactOptional(),
  environment: identity.environment.exactOptional(),
  startedAt: identity.startedAt.exactOptional(),
  durationMs: identity.durationMs.exactOptional(),
  load: identity.load.exactOptional(),
  ...extras,
  totals,
  endpoints: measured.endpoints,
  validity: measured.validity.exactOptional(),
})

/** The JSON Schema that `record/run.schema.json` publishes. */
export function jsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(runSchema, {
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: json }) => {
      if (zodSchema === histogram) Object.assign(json, histogramJsonSchema)
    },
  })
}

const histogramJsonSchema = {
  type: 'array',
  description: 'Non-cumulative counts by the upper bound of the bucket in milliseconds, bounds rising.',
  items: {
    type: 'array',
    prefixItems: [
      { type: 'number', minimum: 0 },
      { type: 'integer', minimum: 0 },
    ],
    minItems: 2,
    maxItems: 2,
  },
}

/** What is wrong with a histogram and where, or undefined. */
export function histogramProblem(value: unknown): { path: number[]; message: string } | undefined {
  if (!Array.isArray(value))
    return { path: [], message: `found ${typeof value}, expected an array of [upperMs, count]` }
  const buckets: unknown[] = value
  let previous = -1
  for (let index = 0; index < buckets.length; index += 1) {
    const bucket: unknown = buckets[index]
    const upperMs: unknown = Array.isArray(bucket) && bucket.length === 2 ? bucket[0] : undefined
    const samples: unknown = Array.isArray(bucket) ? bucket[1] : undefined
    if (typeof upperMs !== 'number' || !Number.isFinite(upperMs) || upperMs < 0)
      return { path: [index, 0], message: 'expected an upper bound in milliseconds, 0 or more' }
    if (typeof samples !== 'number' || !Number.isInteger(samples) || samples < 0)
      return { path: [index, 1], message: 'expected a whole number of samples, 0 or more' }
    if (upperMs <= previous)
      return { path: [index, 0], message: `found ${upperMs} after ${previous}, expected rising bounds` }
    previous = upperMs
  }
  return undefined
}
