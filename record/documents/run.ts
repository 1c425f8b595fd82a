import { z } from 'zod'
import { openObject } from './schema-issue.ts'
import type { Known } from './schema-issue.ts'

/** The classes a failed request falls into: where on its way it failed. */
export const failureClasses = [
  'dns',
  'connect',
  'tls',
  'timeout',
  'redirect',
  'status',
  'check',
  'dropped',
] as const
export type FailureClass = (typeof failureClasses)[number]

const count = z.int().nonnegative()
const amount = z.number().nonnegative()
const ratio = z.number().min(0).max(1)

const latency = {
  meanMs: amount,
  p50Ms: amount,
  p90Ms: amount,
  p95Ms: amount,
  p99Ms: amount,
  maxMs: amount,
}
export type Latency = Known<typeof latency>

const totals = {
  requests: count,
  errors: count,
  errorRate: ratio,
  throughputRps: amount,
  latency: openObject(latency),
}
/**
 * `requests` counts all that was to be sent: answered, failed, and the arrivals that were dropped. `errors`
 * counts failed checks, unexpected statuses, timeouts, refused connections and dropped arrivals; `errorRate`
 * = errors / requests. `throughputRps` counts answered requests only. A dropped arrival belongs to no step,
 * so it is in the run's totals alone.
 */
export type Totals = Known<typeof totals>

/**
 * Non-cumulative counts by the bucket's upper bound in milliseconds, bounds rising. Every answered request,
 * failed ones too.
 */
export type Histogram = readonly Bucket[]
export type Bucket = readonly [upperMs: number, count: number]

// A record has thousands of buckets and `vigil compare` reads hundreds of records: one loop instead of a
// schema for each pair. The published JSON Schema repeats it in its own terms (see runJsonSchema below).
const histogram = z.custom<Histogram>().superRefine((value: unknown, context) => {
  const problem = histogramProblem(value)
  if (problem) context.addIssue({ code: 'custom', path: problem.path, message: problem.message })
})

const endpoint = { ...totals, histogram }
export type Endpoint = Known<typeof endpoint>

const server = {
  cpuMsPerRequest: amount.exactOptional(),
  /** Of the thread that used most CPU, the share of a core; only of a service that vigil started. */
  busiestThreadRatio: amount.exactOptional(),
  rssMaxBytes: amount.exactOptional(),
  eventLoopP99Ms: amount.exactOptional(),
  dbMsPerRequest: amount.exactOptional(),
  statementsPerRequest: amount.exactOptional(),
  /** Share of the connection pool in use, on average over the readings. */
  dbPoolUsedRatio: amount.exactOptional(),
  /** Queries that waited for a connection, on average over the readings. */
  dbPoolWaiting: amount.exactOptional(),
}
export type ServerSide = Known<typeof server>

const generator = z.looseObject({
  /** CPU time of the load process over the CPU time it could have used. */
  cpuRatio: amount.exactOptional(),
  eventLoopP99Ms: amount.exactOptional(),
  droppedArrivals: count.exactOptional(),
  offeredRps: amount.exactOptional(),
})
export type Generator = z.infer<typeof generator>

/**
 * Connections that were opened for answered requests. Their time, from looking the name up to the end of the
 * TLS handshake, is part of the latency of those requests.
 */
const connections = {
  opened: count,
  /** Of the answered requests. */
  share: ratio,
  time: openObject(latency),
}
export type ConnectionFigures = Known<typeof connections>

const timelinePoint = {
  atMs: amount,
  requests: count,
  errors: count,
  // Absent without an answer, or with too few of them; p50 and p99 also in records of an older vigil.
  p50Ms: amount.exactOptional(),
  p95Ms: amount.exactOptional(),
  p99Ms: amount.exactOptional(),
}
export type TimelinePoint = Known<typeof timelinePoint>

/** What one of several processes contributed, in journeys: offered = answered + failed + dropped. */
const shard = {
  name: z.string().max(100),
  /** Of the load, such as `1/4:2/4`; absent where it is divided by connections. */
  segment: z.string().max(100).exactOptional(),
  /** When it began, after the first. */
  skewMs: amount,
  offered: count,
  answered: z.int(),
  failed: count,
  dropped: count,
}
export type ShardFigures = Known<typeof shard>

const failure = {
  /** `journey/step`, or null for a dropped arrival. */
  step: z.string().nullable(),
  class: z.enum(failureClasses),
  count,
  /** Milliseconds after the measurement began. */
  firstAtMs: amount.exactOptional(),
  /**
   * The message of the first one; from the target and so not to be trusted. Writers keep to 200 characters.
   */
  example: z.string().max(1000).exactOptional(),
  /** HTTP statuses of its answers; all of them, unless there were many. */
  statuses: z.array(z.int().min(100).max(599)).max(10).exactOptional(),
  /** By which the service's log or traces name some of them; from the target and so not to be trusted. */
  requestIds: z.array(z.string().max(64)).max(3).exactOptional(),
}
export type Failure = Known<typeof failure>

const identity = {
  schema: z.literal('vigil.run/1'),
  /** Sortable by time. */
  id: z.string().min(1).max(200),
  suite: z.string().min(1).max(200),
  engine: z.string().min(1).max(100),
  target: openObject({
    url: z.string(),
    revision: z.string().exactOptional(),
    dirty: z.boolean().exactOptional(),
    /** vigil started the service, so its port may differ from run to run. */
    started: z.boolean().exactOptional(),
  }),
  environment: z.looseObject({ fingerprint: z.string().min(1) }),
  startedAt: z.iso.datetime(),
  durationMs: amount,
  load: openObject({
    model: z.enum(['arrival-rate', 'connections', 'once']),
    ratePerSecond: amount.exactOptional(),
    connections: count.exactOptional(),
    shards: count.exactOptional(),
    /** The scenarios of a user script, which sets its own load. */
    script: z.string().max(1000).exactOptional(),
  }),
}

const extras = {
  /** The run was ended before its time: its figures are what there was, and never a baseline. */
  interrupted: z.boolean().exactOptional(),
  server: openObject(server).exactOptional(),
  generator: generator.exactOptional(),
  connections: openObject(connections).exactOptional(),
  /** One entry a second, for pictures; never judged. */
  timeline: z.array(openObject(timelinePoint)).exactOptional(),
  /** The processes that made the load together, where there were several. */
  shards: z.array(openObject(shard)).exactOptional(),
  /** What failed, by step and class; absent when nothing did. Bounded. */
  failures: z.array(openObject(failure)).exactOptional(),
  /** What a reader of the figures must know, such as addresses of the target that got no load. */
  notes: z.array(z.string().max(1000)).exactOptional(),
  /**
   * Thresholds of the user script (k6's) that were crossed, in its words, so not to be trusted; absent
   * when there are none.
   */
  crossedThresholds: z.array(z.string().max(1000)).exactOptional(),
  /** Why the user script marked the run as failed, in its words; absent when it did not. */
  markedFailed: z.array(z.string().max(1000)).exactOptional(),
}

/** By `journey/step`. */
const endpoints = z.record(z.string().min(1).max(200), openObject(endpoint))
const validity = openObject({
  valid: z.boolean(),
  reasons: z.array(z.string()),
  /** The code of each reason, in order. */
  codes: z.array(z.string()).exactOptional(),
})

const run = { ...identity, ...extras, totals: openObject(totals), endpoints, validity }
/** The record of one run, `vigil.run/1`. Milliseconds, rates per second, ratios 0..1, bytes, ISO 8601 UTC. */
export type Run = Known<typeof run>
/** A complete record. Unknown fields are kept. */
export const runSchema = openObject(run)

const comparableRun = {
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
  totals: run.totals,
  endpoints,
  validity: validity.exactOptional(),
}
/** The part of a record that a comparison needs; the rest may be missing. */
export type ComparableRun = Known<typeof comparableRun>
/** Other tools give records with nothing but `schema`, `totals` and `endpoints`. */
export const comparableSchema = openObject(comparableRun)

/** The JSON Schema that `record/schemas/run.schema.json` publishes. */
export function runJsonSchema(): Record<string, unknown> {
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

/** The problem of a histogram and its place, or undefined. */
function histogramProblem(value: unknown): { path: number[]; message: string } | undefined {
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
