import { amount } from '../../baselines/index.ts'
import type { ProbeResult, StepResult } from '../../record/index.ts'
import { plain } from './plain.ts'

/** A probe as one line, and its steps for those who must look closer. */
export interface ProbeText {
  name: string
  outcome: ProbeResult['outcome']
  took: string
  /** Empty when the first attempt was enough. */
  attempts: string
  message: string
  steps: StepText[]
}

export interface StepText {
  step: string
  ok: boolean
  /** HTTP status, or why there was none. */
  status: string
  took: string
  message: string
}

export function probeText(probe: ProbeResult): ProbeText {
  return {
    name: plain(probe.name, 80),
    outcome: probe.outcome,
    took: amount('ms', probe.durationMs),
    attempts: probe.attempts > 1 ? `${probe.attempts} attempts` : '',
    message: plain(probe.message ?? ''),
    steps: probe.steps.slice(0, 200).map(stepText),
  }
}

function stepText(step: StepResult): StepText {
  return {
    step: plain(step.step, 80),
    ok: step.ok,
    status: step.status === 0 ? (step.class ?? 'no answer') : String(step.status),
    took: amount('ms', step.durationMs),
    message: plain(step.message ?? ''),
  }
}
