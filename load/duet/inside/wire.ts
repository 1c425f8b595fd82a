import type { Address } from '../../../journeys/client/index.ts'
import type { RequestFailureClass } from '../../engines/k6/k6-runtime/wire.ts'
import type { Side } from './sides.ts'

/**
 * What the duet's script inside k6 and we outside of it tell each other. No Node imports: k6 runs this file too.
 */

/** What the script must know; written into its entry file as a literal. */
export interface DuetPlan {
  /** Proves that a line is of our script. */
  nonce: string
  /** Makes the order of the sides. */
  seed: number
  sides: Record<Side, SidePlan>
  /** Names of the journeys in the mix. */
  journeys: string[]
  /** Pair k plays `journeys[cycle[k % cycle.length]]` on both sides. */
  cycle: number[]
  /** Pairs a second: what each side gets. */
  pairsPerSecond: number
  durationMs: number
  requestTimeoutMs: number
  /** Different users of each side; pair k is played by user k mod `users`. */
  users: number
  preAllocated: number
  maxUsers: number
  /** Absolute path of the file with what both sides' `before` steps saved. */
  contextsFile: string
}

export interface SidePlan {
  address: Address
  /** Goes into every `unique` value; of the same length for both sides, so that both get requests of the same size. */
  run: string
}

/** What the users' `before` steps saved, by side and journey. */
export type DuetContexts = Record<Side, Record<string, Record<string, unknown>[]>>

/**
 * One step as it was played: its latency in milliseconds (−1: never answered), 0 or the place of its failure in
 * `requestFailureClasses` plus one, the bytes of its body (−1: not told), its `Server-Timing`, and the id of its trace when the service
 * has recorded one. Short, because one goes out for each request.
 */
export type PlayedStep = [
  latencyMs: number,
  failure: number,
  bytes: number,
  serverTiming: string,
  traceId?: string,
]

/** The trace that an answer's `traceparent` names (W3C Trace Context), if its `sampled` flag says that it is recorded. */
export function recordedTrace(traceparent: string | undefined): string | undefined {
  const [, traceId, flags = ''] =
    /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/.exec(traceparent ?? '') ?? []
  return (Number.parseInt(flags, 16) & 1) === 1 ? traceId : undefined
}

/** One journey as it was played, on the side that `sideOf` says. Times in milliseconds on k6's own clock. */
export type Played = [
  arrival: number,
  journey: number,
  beganMs: number,
  endedMs: number,
  steps: PlayedStep[],
  problem?: string,
]

/** `<nonce> <JSON>` on k6's log. */
export type DuetMessage = { played: Played } | { misused: string } | { started: true }

export type { RequestFailureClass }

/** Of a header and of a problem's text, at most so many characters are told. */
export const mostText = 200
