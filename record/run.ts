/** The record of one run, `vigil.run/1`. Milliseconds, rates per second, ratios 0..1, bytes, ISO 8601 UTC. */
export interface Run {
  schema: 'vigil.run/1'
  /** Sortable by time. */
  id: string
  suite: string
  engine: string
  target: { url: string; revision?: string; dirty?: boolean }
  environment: { fingerprint: string; [fact: string]: unknown }
  startedAt: string
  durationMs: number
  load: {
    model: 'arrival-rate' | 'connections' | 'once'
    ratePerSecond?: number
    connections?: number
    shards?: number
  }
  totals: Totals
  /** By `journey/step`. */
  endpoints: Record<string, Endpoint>
  server?: ServerSide
  generator?: Generator
  /** One entry a second, for pictures; never judged. */
  timeline?: TimelinePoint[]
  /** What failed, by step and class; absent when nothing did. Bounded. */
  failures?: Failure[]
  /** Promises of the load's own script that it did not keep (k6's thresholds), in its words, so not to be trusted; absent when there are none. */
  crossedThresholds?: string[]
  validity: { valid: boolean; reasons: string[] }
  /** The run was ended before its time: its figures are what there was, and never a baseline. */
  interrupted?: boolean
}

/**
 * `requests` counts all that was to be sent: answered, failed, and the arrivals that were dropped. `errors` counts failed
 * checks, unexpected statuses, timeouts, refused connections and dropped arrivals; `errorRate` = errors / requests.
 * `throughputRps` counts answered requests only. A dropped arrival belongs to no step, so it is in the run's totals alone.
 */
export interface Totals {
  requests: number
  errors: number
  errorRate: number
  throughputRps: number
  latency: Latency
}

export interface Latency {
  meanMs: number
  p50Ms: number
  p90Ms: number
  p95Ms: number
  p99Ms: number
  maxMs: number
}

export interface Endpoint extends Totals {
  histogram: Histogram
}

/** Non-cumulative counts by the bucket's upper bound in milliseconds, bounds rising. Every answered request, failed ones too. */
export type Histogram = readonly Bucket[]
export type Bucket = readonly [upperMs: number, count: number]

export interface ServerSide {
  cpuMsPerRequest?: number
  rssMaxBytes?: number
  eventLoopP99Ms?: number
  dbMsPerRequest?: number
  statementsPerRequest?: number
  /** Share of the connection pool in use, on average over the readings. */
  dbPoolUsedRatio?: number
  /** Queries that waited for a connection, on average over the readings. */
  dbPoolWaiting?: number
}

export interface Generator {
  /** CPU time of the load process over the CPU time it could have used. */
  cpuRatio?: number
  eventLoopP99Ms?: number
  droppedArrivals?: number
  offeredRps?: number
  [fact: string]: unknown
}

export interface TimelinePoint {
  atMs: number
  requests: number
  errors: number
  p95Ms?: number
}

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

export interface Failure {
  /** `journey/step`, or null for a dropped arrival. */
  step: string | null
  class: FailureClass
  count: number
  /** Milliseconds after the measurement began. */
  firstAtMs?: number
  /** What the first one said; at most 200 characters, from the target and so not to be trusted. */
  example?: string
}
