import type { FailureClass } from '../record/index.ts'

/** What `vigil probe --json` prints: `vigil.probes/1`. */
export interface ProbesReport {
  schema: 'vigil.probes/1'
  probes: ProbeResult[]
}

export type ProbeOutcome = 'up' | 'degraded' | 'down' | 'unknown'

export interface ProbeResult {
  name: string
  outcome: ProbeOutcome
  startedAt: string
  durationMs: number
  /** How often it was tried; more than one is never hidden. */
  attempts: number
  /** Of the last attempt. */
  steps: StepResult[]
  /** Why it is not `up`, in one line with step, expected and actual. */
  message?: string
}

export interface StepResult {
  step: string
  ok: boolean
  /** HTTP status, 0 when there was no answer. */
  status: number
  durationMs: number
  class?: FailureClass
  message?: string
}
