import { sendRequest } from '../journeys/client/index.ts'
import { toOneLine } from '../record/index.ts'
import type { FailedAttempt, ProbeResult, StepResult } from '../record/index.ts'

/** Describes a failed step in one line. */
export function describeFailedStep(failed: StepResult): string {
  const { step, class: failure, message } = toFailedAttempt(failed)
  return `${step} failed (${failure}): ${message}`
}

/** Returns the field of a result for the attempts before the last one. */
export function toEarlierAttempts(earlier: readonly StepResult[]): Pick<ProbeResult, 'earlier'> {
  return earlier.length === 0 ? {} : { earlier: earlier.map(toFailedAttempt) }
}

/** Describes why a probe that passed on a retry is not `up`. */
export function describeRetries(attempts: number, earlier: readonly StepResult[]): string[] {
  const before = earlier.at(-1)
  return before === undefined
    ? []
    : [`passed only at attempt ${attempts}; before: ${describeFailedStep(before)}`]
}

function toFailedAttempt({ step, class: failure, message }: StepResult): FailedAttempt {
  return { step, class: failure ?? 'check', message: message ?? 'no reason given' }
}

const controlTimeoutMs = 3000

/**
 * Decides the outcome for a target that could not be reached: `down`, unless an independent control address
 * cannot be reached either. Then this prober is offline, and the target is `unknown`. Any answer counts.
 *
 * @param message the target's problem
 * @param controlUrl without one, the failure is always the target's
 */
export async function attributeFailure(
  message: string,
  controlUrl: string | undefined,
  signal: AbortSignal,
): Promise<{ outcome: 'down' | 'unknown'; message: string }> {
  if (controlUrl === undefined || controlUrl === '') return { outcome: 'down', message }
  const url = URL.parse(controlUrl)
  // A typing error in the control address must not hide outages.
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    return {
      outcome: 'down',
      message: `${message}; VIGIL_CONTROL_URL was not used: expected an http:// or https:// URL`,
    }
  const request = { method: 'HEAD', path: `${url.pathname}${url.search}`, headers: {}, body: undefined }
  const result = await sendRequest(url.origin, request, {
    timeoutMs: controlTimeoutMs,
    maxBodyBytes: 0,
    signal,
    purpose: 'control',
  })
  // `check`: it answered with a body, which a HEAD request must not have.
  if (result.state === 'ok' || result.class === 'check') return { outcome: 'down', message }
  return {
    outcome: 'unknown',
    message:
      `this prober is offline: its control address ${toOneLine(url.host)} cannot be reached either ` +
      `(${result.class}: ${result.message}); ${message}`,
  }
}
