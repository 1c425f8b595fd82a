import type { PlayedStep } from '../client/index.ts'
import type { FailureClass } from '../record/index.ts'

/** What `vigil probe --json` prints: `vigil.probes/1`. */
export interface ProbesReport {
  schema: 'vigil.probes/1'
  probes: ProbeResult[]
}

/**
 * `up`: every step as expected, in time. `degraded`: it works, but slowly, only on a retry, or without cleaning up.
 * `down`: it failed at every attempt. `unknown`: nothing can be said of the target (not run, interrupted, or the prober
 * itself was stalled).
 */
export type ProbeOutcome = 'up' | 'degraded' | 'down' | 'unknown'

export interface ProbeResult {
  name: string
  outcome: ProbeOutcome
  startedAt: string
  /** Of the last attempt's steps, without what prepares and cleans up. */
  durationMs: number
  /** How often it was tried; more than one is never hidden. */
  attempts: number
  /** What each attempt before the last one failed with, oldest first; left out when there was one attempt. */
  earlier?: FailedAttempt[]
  /** Of the last attempt; a `before` step is among them when it failed. */
  steps: StepResult[]
  /** Why it is not `up`, in one line with step, expected and actual. */
  message?: string
}

/** How an attempt failed that was followed by another. */
export interface FailedAttempt {
  step: string
  class: FailureClass
  /** Expected and actual, in one line. */
  message: string
}

export type StepResult = PlayedStep
