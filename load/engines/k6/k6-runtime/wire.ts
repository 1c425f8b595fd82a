import type { Address } from '../../../../journeys/index.ts'
import type { RequestFailureClass } from './metrics.ts'

/*
 * What vigil and its script inside k6 exchange: the plan that the script gets, and the messages that it sends
 * while it runs. k6 runs this file too, so it imports nothing of Node.
 */

/** The two services that a duet compares. */
export const sides = ['baseline', 'candidate'] as const
export type Side = (typeof sides)[number]

/** Where the requests of one side go, and what its `unique` values begin with. */
export interface SidePlan {
  address: Address
  /** The IP address chosen for its host name. */
  ip: string | undefined
  /** In a duet of the same length for both sides, so that both get requests of the same size. */
  run: string
}

/** Part of every plan; written into the script's entry file as a literal. */
interface BasePlan {
  /**
   * Shows that a log line or a summary is of this run and of our script: neither an old file nor a target can
   * know it.
   */
  nonce: string
  /** Names of environment variables of k6, which hold the values. */
  secrets: string[]
  /** Names of the journeys in the mix. */
  journeys: string[]
  /** Iteration i plays `journeys[cycle[i % cycle.length]]`; in a duet, pair i. */
  cycle: number[]
  /** Journeys started per second; in a duet on each side. */
  ratePerSecond: number
  durationMs: number
  requestTimeoutMs: number
  /** Number of different users. */
  users: number
  preAllocated: number
  maxUsers: number
  /**
   * Absolute path of the file with the contexts that the users' `before` steps saved; undefined when no
   * journey has any.
   */
  contextsFile: string | undefined
}

/** One target, measured by metrics of k6. Virtual user k acts as user (k − 1) mod `users`. */
export interface LoadScriptPlan extends BasePlan {
  kind: 'load'
  target: SidePlan
  warmupMs: number
  /**
   * `journey/step` of every step in the mix; a step's number in metrics and messages is its index in this
   * list.
   */
  steps: string[]
  /**
   * One iteration in `sampleEvery` reports its latencies while the run goes on. Shares no factor with the
   * cycle's length, so that no journey is left out.
   */
  sampleEvery: number
  /** Absolute path where the summary is to be written. */
  summaryFile: string
  /** Set when several k6 make the load together: this one makes a segment of its arrivals. */
  shard?: ScriptShard
  /** Set instead when they have this one plan: each finds its shard in its environment. */
  runners?: ScriptRunners
}

/** The runners in Kubernetes: pods whose k6 get the same script. */
export interface ScriptRunners {
  of: number
  /** Digest of what all of them are to do. */
  plan: string
}

/** The environment variable of a runner with the name of its job, which ends with its number, from 1. */
export const runnerVariable = 'VIGIL_RUNNER'

/** One of `of` equal shards. */
export interface ScriptShard {
  name: string
  of: number
  segment: string
  sequence: string
  /** Digest of what all shards are to do. */
  plan: string
}

/**
 * Two sides under one load; every journey is reported when it has ended. Pair k is played by user k mod
 * `users`.
 */
export interface DuetScriptPlan extends BasePlan {
  kind: 'duet'
  sides: Record<Side, SidePlan>
  /** Whole number that makes the order of the sides. */
  seed: number
}

export type ScriptPlan = LoadScriptPlan | DuetScriptPlan

/** What the `before` steps of one side saved, by journey and user. */
export type PreparedContexts = Record<string, Record<string, unknown>[]>

/**
 * Place of a user's context in the contexts file: sides in order, in each the journeys of the mix, in each
 * its users.
 */
export function contextIndex(
  { journeys, users }: Pick<BasePlan, 'journeys' | 'users'>,
  side: number,
  journey: number,
  user: number,
): number {
  return (side * journeys.length + journey) * users + user
}

/** Arrivals come in pairs, one for each side at nearly the same time: arrivals 2k and 2k + 1 are pair k. */
export function pairIndex(arrival: number): number {
  return Math.floor(arrival / 2)
}

/**
 * The side that an arrival goes to: balanced at random within each pair. Interleaving below a quarter of a
 * second cancels the drift of a machine. The random order keeps the second of a pair from being the same side
 * each time: it finds caches warm, and is faster by up to a fifth. A pure function, so that the reader of the
 * results can compute it too.
 */
export function sideFor(seed: number, arrival: number): Side {
  const isCandidateFirst = (mixBits(seed, pairIndex(arrival)) & 1) === 1
  return (arrival % 2 === 0) === isCandidateFirst ? 'candidate' : 'baseline'
}

/** 32 well-mixed bits of two numbers: the finaliser of MurmurHash3 (Appleby 2011), twice. */
function mixBits(seed: number, pair: number): number {
  return finalise(finalise(Math.imul(seed, 0x9e37_79b1)) ^ pair)
}

function finalise(value: number): number {
  let bits = value | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

/**
 * After the measured time no journey begins, but journeys under way continue: for `drainMs` they may send
 * further steps, and each request then has its own time limit. k6 cuts off what is left `marginMs` later,
 * which should be nothing.
 */
export const lateRequests = { drainMs: 5000, marginMs: 1000 } as const

/** Interval at which the measured k6 is checked for running on time. */
export const tickMs = 50

/** Reports of one virtual user on one class of failures of a step. */
export const failureReports = { usual: 3, most: 8 } as const

/**
 * Limits that keep a line of k6's log short: latencies of one iteration, characters of a header or problem,
 * characters of a failure's example.
 */
export const messageLimits = { latencies: 100, textLength: 200, exampleLength: 400 } as const

/**
 * One request of a duet: its latency in milliseconds (−1: never answered), 0 or the index of its failure in
 * `requestFailureClasses` plus one, the bytes of its body (−1: unknown), its `Server-Timing` header, and the
 * id of its trace when the service recorded one. A tuple, because one is sent for each request.
 */
export type PlayedStep = [
  latencyMs: number,
  failure: number,
  bytes: number,
  serverTiming: string,
  traceId?: string,
]

/** One journey of a duet, on the side that `sideFor` gives. Times in milliseconds on k6's own clock. */
export type PlayedJourney = [
  arrival: number,
  journey: number,
  beganMs: number,
  endedMs: number,
  steps: PlayedStep[],
  problem?: string,
]

/** What the script reports while it runs, as `<nonce> <JSON>` on k6's log. */
export type ScriptMessage =
  /** Of which shard, k6's wall clock then, and the segment that a runner was given. */
  | { type: 'started'; shard?: string; clockMs?: number; segment?: string }
  | {
      type: 'failure'
      step: number
      class: RequestFailureClass
      atMs: number
      example: string
      status?: number
      id?: string
    }
  | { type: 'sample'; latenciesMs: number[] }
  | { type: 'played'; journey: PlayedJourney }
  | { type: 'usage-error'; problem: string }
