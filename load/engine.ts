import type { CodedReason } from '../baselines/index.ts'
import { toAddress } from '../journeys/index.ts'
import type { Secrets } from '../journeys/index.ts'
import { findRoute } from '../journeys/client/index.ts'
import type { LookUp } from '../journeys/client/index.ts'
import type {
  Failure,
  FailureClass,
  Generator,
  Histogram,
  Run,
  ScriptCheck,
  ScriptMetric,
  ShardFigures,
  TimelinePoint,
} from '../record/index.ts'

/** What is to be loaded and how, everything resolved: nothing in it needs the config any more. */
export interface LoadPlan {
  /** The run's id; goes into every `unique` value the journeys see. */
  run: string
  suite: string
  targetUrl: string
  /** The IP address that the engine chose for the target's host name. */
  ip?: string | undefined
  /** For the journeys' contexts and the `__ENV` of a user's script. Never written to a file. */
  secrets?: Secrets
  source: JourneyMix | UserScript
  /** Not of a user's script, which sets its own. */
  load: ArrivalRate | Connections
  /** How many processes make the load together; missing: one. */
  shards?: number
  /** Set when runners in Kubernetes make the load, as many as there are shards. */
  kubernetes?: KubernetesPlan
  warmupMs: number
  durationMs: number
  /** A request without an answer by then has failed with class `timeout`. */
  requestTimeoutMs: number
}

/** Where in Kubernetes a load is made, by what. */
export interface KubernetesPlan {
  context: string
  namespace: string
  /** How many runners. */
  parallelism: number
  /** Of k6, with its digest. */
  image: string
  starterImage?: string
  /** Of each runner, as Kubernetes writes quantities. */
  cpu: string
  memory: string
  nodeSelector?: Readonly<Record<string, string>>
  serviceAccount?: string
  imagePullSecrets?: readonly string[]
  /** Whether k6-operator reads the script in a pod of its own first. */
  initializer: boolean
  /** How long the runners may take to begin. */
  startMs: number
}

export interface JourneyMix {
  kind: 'journeys'
  /** Absolute path of the module whose default export is `Journey[]`. */
  module: string
  mix: { journey: string; weight: number }[]
}

/** A k6 script of the user's own, run as it is: its own options decide the load. */
export interface UserScript {
  kind: 'script'
  path: string
  /** Where its `handleSummary` writes files; missing: the script's folder. */
  cwd?: string
  /** Added to its `__ENV`. */
  env?: Readonly<Record<string, string>>
  /** By `Engine.inspect`; missing before that. */
  load?: Run['load']
}

/** What a user's script will do, and for how long when it says so. */
export type ScriptInspection =
  | { state: 'ok'; load: Run['load']; lastsMs: number | undefined }
  | { state: 'usage-error' | 'unavailable'; reason: string }

/** Open model: journeys started per second, whether or not earlier ones have ended. */
export interface ArrivalRate {
  model: 'arrival-rate'
  ratePerSecond: number
}

/** Closed model: connections kept busy, each starting its next journey when the last one ended. */
export interface Connections {
  model: 'connections'
  connections: number
}

/** What an engine measured, before it becomes a record. Times in milliseconds after the measurement began. */
export interface Measurement {
  startedAt: string
  durationMs: number
  /** By `journey/step`; `latencySumMs` over the answered requests makes an exact mean. */
  endpoints: Record<string, EndpointMeasurement>
  /** Times to connect, of the answered requests for which a connection was opened. */
  connections?: { histogram: Histogram; timeSumMs: number }
  droppedArrivals: number
  failures: Failure[]
  timeline: TimelinePoint[]
  generator: Generator
  /** Why the generator, not the target, was the limit; empty when it was not. */
  saturation: string[]
  interrupted: boolean
  /** What each process contributed, where several made the load together. */
  shards?: ShardFigures[]
  /** Why their parts are not the whole load; empty when they are. */
  shardProblems?: string[]
  /** For the reader of the record. */
  notes?: string[]
  /** Thresholds of the user script that were crossed, each with its value. */
  crossedThresholds?: string[]
  /** Why the user script marked its run as failed, in its words. */
  markedFailed?: string[]
  /** What the user script counts itself, by name. */
  scriptMetrics?: Record<string, ScriptMetric>
  checks?: Record<string, ScriptCheck>
}

export interface EndpointMeasurement {
  requests: number
  errors: number
  histogram: Histogram
  latencySumMs: number
}

/**
 * "The target failed" is inside a measurement; "we failed to measure" is its absence, with the reason for the
 * reader.
 */
export type LoadResult =
  | { state: 'ok'; measurement: Measurement }
  | { state: 'unavailable'; reason: string; code?: CodedReason['code'] }
  /**
   * The target failed a `before` step, so no user could make the load: the target's failure, seen
   * before the load began.
   */
  | { state: 'failed'; step: string; class: FailureClass; message: string }
  /**
   * The plan itself is wrong (a script that throws, a journeys module that does not load): the user's to
   * mend, exit 2.
   */
  | { state: 'usage-error'; reason: string }

export interface LoadProgress {
  phase: 'prepare' | 'warmup' | 'measure' | 'finish'
  secondsLeft: number
  requestsPerSecond: number
  p95Ms: number | undefined
  errors: number
  /** What is waited for before the load, where that takes long, and how far it is. */
  waiting?: { what: string; detail: string }
}

/** What an engine may use of the world. */
export interface LoadEnvironment {
  /** Fresh, empty, for this run alone. */
  folder: string
  /**
   * Aborted on interrupt: the engine ends its load in good order and returns what it has, marked
   * `interrupted`.
   */
  signal: AbortSignal
  progress: (progress: LoadProgress) => void
  /**
   * Called once, when warm-up is over and measurement begins, and once when it ends: the server's side is
   * read there.
   */
  measuring: (edge: 'begin' | 'end') => void
  /** A line that a user script prints. Not to be trusted. */
  console?: (line: string) => void
  /** Looks host names up; missing: the operating system does. */
  lookUp?: LookUp
}

/** A plan with the address that its whole load goes to, and a note if the host name has others too. */
export async function routePlan(
  plan: LoadPlan,
  { signal, lookUp }: Pick<LoadEnvironment, 'signal' | 'lookUp'>,
): Promise<{ plan: LoadPlan; note: string | undefined }> {
  const { ip, note } = await findRoute({
    address: toAddress(plan.targetUrl),
    signal: AbortSignal.any([signal, AbortSignal.timeout(plan.requestTimeoutMs)]),
    ...(lookUp && { lookUp }),
  })
  return { plan: { ...plan, ip }, note }
}

/** Runs a load, all of it to one address of the target's host name. */
export async function runRouted(
  plan: LoadPlan,
  environment: LoadEnvironment,
  run: (plan: LoadPlan) => Promise<LoadResult>,
): Promise<LoadResult> {
  const routed = await routePlan(plan, environment)
  const result = await run(routed.plan)
  if (result.state !== 'ok' || routed.note === undefined) return result
  const { measurement } = result
  return {
    ...result,
    measurement: { ...measurement, notes: [...(measurement.notes ?? []), routed.note] },
  }
}

/**
 * One way to make load. Contract: `run` never throws for what the target or the plan did, and leaves no
 * process behind.
 */
export interface Engine {
  name: string
  run: (plan: LoadPlan, surroundings: LoadEnvironment) => Promise<LoadResult>
  /** What a user's script will do, without running it; undefined for a plan of journeys. */
  inspect?: (plan: LoadPlan, folder: string) => Promise<ScriptInspection | undefined>
}

/** How many distinct statuses and request ids of a class of failures are kept. */
export const maxFailureDetails = { statuses: 6, requestIds: 3 } as const

/** Adds the status and the request id of one more failed answer, until enough are known. */
export function addFailureDetails(
  failure: Pick<Failure, 'statuses' | 'requestIds'>,
  status: number | undefined,
  requestId: (() => string | undefined) | undefined,
): void {
  const { statuses = [], requestIds = [] } = failure
  const isStatus = status !== undefined && status >= 100 && status <= 599
  if (isStatus && statuses.length < maxFailureDetails.statuses && !statuses.includes(status))
    failure.statuses = [...statuses, status]
  if (requestIds.length >= maxFailureDetails.requestIds) return
  const id = requestId?.()
  if (id !== undefined && !requestIds.includes(id)) failure.requestIds = [...requestIds, id]
}
