import type { PlayedStep } from '../journeys/client/index.ts'
import type { FailedAttempt, ProbeResult } from '../record/probe.ts'

/** A failed step as one line. */
export function stepWords(failed: PlayedStep): string {
  const { step, class: failure, message } = failedWith(failed)
  return `${step} failed (${failure}): ${message}`
}

/** The attempts before the last one, as a result carries them. */
export function retriesOf(earlier: readonly PlayedStep[]): Pick<ProbeResult, 'earlier'> {
  return earlier.length === 0 ? {} : { earlier: earlier.map(failedWith) }
}

/** Why a probe that passed at last is not `up`. */
export function complaintOfRetries(attempts: number, earlier: readonly PlayedStep[]): string[] {
  const before = earlier.at(-1)
  return before === undefined ? [] : [`passed only at attempt ${attempts}; before: ${stepWords(before)}`]
}

function failedWith({ step, class: failure, message }: PlayedStep): FailedAttempt {
  return { step, class: failure ?? 'check', message: message ?? 'no reason given' }
}
