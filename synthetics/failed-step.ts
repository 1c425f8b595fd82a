import type { StepResult, FailedAttempt, ProbeResult } from '../record/index.ts'

/** A failed step as one line. */
export function stepWords(failed: StepResult): string {
  const { step, class: failure, message } = failedWith(failed)
  return `${step} failed (${failure}): ${message}`
}

/** The attempts before the last one, as a result carries them. */
export function retriesOf(earlier: readonly StepResult[]): Pick<ProbeResult, 'earlier'> {
  return earlier.length === 0 ? {} : { earlier: earlier.map(failedWith) }
}

/** Why a probe that passed at last is not `up`. */
export function complaintOfRetries(attempts: number, earlier: readonly StepResult[]): string[] {
  const before = earlier.at(-1)
  return before === undefined ? [] : [`passed only at attempt ${attempts}; before: ${stepWords(before)}`]
}

function failedWith({ step, class: failure, message }: StepResult): FailedAttempt {
  return { step, class: failure ?? 'check', message: message ?? 'no reason given' }
}
