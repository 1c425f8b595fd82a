import { z } from 'zod'
import { histogramJsonSchema, histogramSchema } from './histogram.ts'
import { openObject } from './schema-issue.ts'
import { maxScriptEntries, scriptCheck, scriptMetric, scriptMetricSchema } from './script.ts'
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
  meanMs: amount.describe('Mean.'),
  p50Ms: amount.describe('50th percentile, the median.'),
  p90Ms: amount.describe('90th percentile.'),
  p95Ms: amount.describe('95th percentile.'),
  p99Ms: amount.describe('99th percentile.'),
  maxMs: amount.describe('Longest.'),
}
export type Latency = Known<typeof latency>

const totals = {
  requests: count.describe('Requests: answered, failed, and arrivals that were dropped.'),
  errors: count.describe(
    'Failed checks, unexpected statuses, timeouts, refused connections, dropped arrivals.',
  ),
  /** `errors` / `requests`. */
  errorRate: ratio,
  /** Answered requests per second. */
  throughputRps: amount,
  /** Latency of answered requests. */
  latency: openObject(latency),
}
/**
 * `requests` counts all that was to be sent: answered, failed, and the arrivals that were dropped. `errors`
 * counts failed checks, unexpected statuses, timeouts, refused connections and dropped arrivals; `errorRate`
 * = errors / requests. `throughputRps` counts answered requests only. A dropped arrival belongs to no step,
 * so it is in the run's totals alone.
 */
export type Totals = Known<typeof totals>

const endpoint = { ...totals, histogram: histogramSchema }
export type Endpoint = Known<typeof endpoint>

const server = {
  /** CPU time of the service per request. */
  cpuMsPerRequest: amount.exactOptional(),
  /** Of the thread that used most CPU, the share of a core; only of a service that vigil started. */
  busiestThreadRatio: amount.exactOptional(),
  /** Largest resident memory of the service. */
  rssMaxBytes: amount.exactOptional(),
  eventLoopP99Ms: amount.exactOptional().describe('99th percentile of the event-loop delay of the service.'),
  /** Time in the database per request. */
  dbMsPerRequest: amount.exactOptional(),
  /** SQL statements per request. */
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
  eventLoopP99Ms: amount
    .exactOptional()
    .describe('99th percentile of the event-loop delay of the load generator.'),
  /** Journeys that could not start in time. */
  droppedArrivals: count.exactOptional(),
  /** Requests per second that were to be sent. */
  offeredRps: amount.exactOptional(),
})
export type Generator = z.infer<typeof generator>

/**
 * Connections that were opened for answered requests. Their time, from looking the name up to the end of the
 * TLS handshake, is part of the latency of those requests.
 */
const connections = {
  /** How many were opened. */
  opened: count,
  /** Share of the answered requests that opened one. */
  share: ratio,
  /** Time to open one. */
  time: openObject(latency),
}
export type ConnectionFigures = Known<typeof connections>

const timelinePoint = {
  /** Milliseconds after the measurement began. */
  atMs: amount,
  requests: count.describe('Requests of this second.'),
  errors: count.describe('Errors of this second.'),
  // Absent without an answer, or with too few of them; p50 and p99 also in records of an older vigil.
  p50Ms: amount.exactOptional().describe('Median latency of this second.'),
  p95Ms: amount.exactOptional().describe('95th percentile of the latency of this second.'),
  p99Ms: amount.exactOptional().describe('99th percentile of the latency of this second.'),
}
export type TimelinePoint = Known<typeof timelinePoint>

/** What one of several processes contributed, in journeys: offered = answered + failed + dropped. */
const shard = {
  /** Name of the shard. */
  name: z.string().max(100),
  /** Of the load, such as `1/4:2/4`; absent where it is divided by connections. */
  segment: z.string().max(100).exactOptional(),
  /** When it began, after the first. */
  skewMs: amount,
  /** Journeys that were to start. */
  offered: count,
  /** Journeys whose steps were all answered as expected. */
  answered: z.int(),
  /** Journeys with a failed step. */
  failed: count,
  /** Journeys that could not start in time. */
  dropped: count,
}
export type ShardFigures = Known<typeof shard>

const failure = {
  /** `journey/step`, or null for a dropped arrival. */
  step: z.string().nullable(),
  /** Where on its way the request failed. */
  class: z.enum(failureClasses),
  count: count.describe('How many failed in this way.'),
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
  /** Name and version of the document. */
  schema: z.literal('vigil.run/1'),
  /** Sortable by time. */
  id: z.string().min(1).max(200),
  /** Name of the suite. */
  suite: z.string().min(1).max(200),
  /** What made the load: `k6`, `autocannon`, `probe` or the name of another tool. */
  engine: z.string().min(1).max(100),
  /** The service under test. */
  target: openObject({
    /** Its URL. */
    url: z.string(),
    /** Its revision, such as a commit. */
    revision: z.string().exactOptional(),
    /** The checkout had changes that were not committed. */
    dirty: z.boolean().exactOptional(),
    /** vigil started the service, so its port may differ from run to run. */
    started: z.boolean().exactOptional(),
  }),
  /** Machine and toolchain: facts, and a fingerprint of those that matter for figures. */
  environment: z.looseObject({
    /** Records of different fingerprints are not compared relatively. */
    fingerprint: z.string().min(1),
  }),
  /** When the measurement began. */
  startedAt: z.iso.datetime(),
  /** How long it was measured. */
  durationMs: amount,
  /** The load that was planned. */
  load: openObject({
    /** `arrival-rate`: journeys start at a rate. `connections`: each connection waits for its answer. */
    model: z.enum(['arrival-rate', 'connections', 'once']),
    /** Journeys started per second. */
    ratePerSecond: amount.exactOptional(),
    connections: count.exactOptional().describe('Connections kept busy.'),
    shards: count.exactOptional().describe('How many processes made the load together.'),
    /** The scenarios of a user script, which sets its own load. */
    script: z.string().max(1000).exactOptional(),
  }),
}

/** A script can have any number of names; a record has those of the first. */
function atMost<Entries extends z.ZodType<Record<string, unknown>>>(entries: Entries): Entries {
  return entries.refine((found) => Object.keys(found).length <= maxScriptEntries + 1, {
    error: `expected at most ${maxScriptEntries + 1} entries`,
  })
}

const extras = {
  /** The run was ended before its time: its figures are what there was, and never a baseline. */
  interrupted: z.boolean().exactOptional(),
  /** The service during the run, as far as it is known. */
  server: openObject(server).exactOptional(),
  /** The load process during the run. */
  generator: generator.exactOptional(),
  connections: openObject(connections)
    .exactOptional()
    .describe('Connections opened for answered requests; part of their latency.'),
  /** One entry a second, for pictures; never judged. */
  timeline: z.array(openObject(timelinePoint)).exactOptional(),
  shards: z
    .array(openObject(shard))
    .exactOptional()
    .describe('The processes that made the load together, where there were several.'),
  /** What failed, by step and class; absent when nothing did. Bounded. */
  failures: z.array(openObject(failure)).exactOptional(),
  /** What a reader of the figures must know, such as addresses of the target that got no load. */
  notes: z.array(z.string().max(1000)).exactOptional(),
  /**
   * Thresholds of the user script (k6's) that were crossed, in its words, so not to be trusted; absent
   * when there are none.
   */
  crossedThresholds: z.array(z.string().max(1000)).exactOptional(),
  /** What a user script counts itself, by the name of the metric. */
  scriptMetrics: atMost(z.record(scriptMetricSchema, openObject(scriptMetric))).exactOptional(),
  /** The checks of a user script by their names, which are the script's and so not to be trusted. */
  checks: atMost(z.record(z.string().min(1).max(200), openObject(scriptCheck))).exactOptional(),
  /** Why the user script marked the run as failed, in its words; absent when it did not. */
  markedFailed: z.array(z.string().max(1000)).exactOptional(),
}

/** By `journey/step`. */
const endpoints = z.record(z.string().min(1).max(200), openObject(endpoint))
const validity = openObject({
  /** False: nothing follows from the figures. */
  valid: z.boolean(),
  /** Why it is invalid, or empty. */
  reasons: z.array(z.string()),
  /** The code of each reason, in order. */
  codes: z.array(z.string()).exactOptional(),
})

const run = {
  ...identity,
  ...extras,
  /** All requests together. */
  totals: openObject(totals),
  endpoints: endpoints.describe('The same for each step, by `journey/step`, with its histogram.'),
  validity: validity.describe('Whether the measurement can be trusted.'),
}
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
      if (zodSchema === histogramSchema) Object.assign(json, histogramJsonSchema)
    },
  })
}
