import type { FailureClass, TimelinePoint } from '../../../record/index.ts'
import type { EndpointMeasurement } from '../../engine.ts'
import type { GeneratorWork } from '../../generator/index.ts'

/**
 * What the engine and its load process tell each other. To the process: one file, `plan.json`, named on its command line, and
 * SIGTERM to end in good order. From it: lines `<nonce> <JSON>` on its standard output, and one file, `result.json`,
 * for what may be longer than a line. The journeys run in that process and may print what they like, so nothing without the
 * nonce is listened to, and what comes is validated (messages.ts; apart, so that the process need not load what validates).
 */

export interface ProcessPlan {
  nonce: string
  run: string
  targetUrl: string
  /** Absolute path of the journeys module. */
  module: string
  mix: { journey: string; weight: number }[]
  connections: number
  warmupMs: number
  durationMs: number
  requestTimeoutMs: number
  /** What each user's `before` steps saved, by journey. */
  contexts: Record<string, Record<string, unknown>[]>
  /** Absolute path where the result is to be written. */
  resultFile: string
}

export type ProcessMessage =
  | {
      say: 'progress'
      phase: 'warmup' | 'measure' | 'finish'
      secondsLeft: number
      requestsPerSecond: number
      p95Ms?: number | undefined
      errors: number
    }
  | { say: 'begin' }
  | { say: 'end' }
  | { say: 'usage-error'; problem: string }
  /** Its work is done, and the result file, if there is one, is whole. */
  | { say: 'done' }

export interface ProcessResult extends Recorded {
  nonce: string
  startedAt: string
  work: GeneratorWork
}

export interface Recorded {
  durationMs: number
  /** By `journey/step`. */
  endpoints: Record<string, EndpointMeasurement>
  failures: CountedFailure[]
  timeline: TimelinePoint[]
  /** Requests that this machine could not make, by error code. */
  own: Record<string, number>
  /** Of all answered requests. */
  latencyP99Ms: number
}

export interface CountedFailure {
  step: string
  class: FailureClass
  count: number
  firstAtMs: number
  example: string
}

export function messageLine(nonce: string, message: ProcessMessage): string {
  return `${nonce} ${JSON.stringify(message)}\n`
}
