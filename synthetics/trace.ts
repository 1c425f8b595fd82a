import type { Send } from '../journeys/client/index.ts'
import type { Random, StepResult } from '../record/index.ts'

/** A way to send that makes its requests findable in the target's traces. */
export interface Traced {
  send: Send
  /** Names the trace in the message of a step that failed, where the target may have seen its request. */
  named: (step: StepResult) => StepResult
}

/**
 * Sends W3C's `traceparent` with each request: one trace, a span of its own for each request, sampled
 * (https://www.w3.org/TR/trace-context/). A journey that sends one itself keeps its own.
 */
export function traced(send: Send, random: Random): Traced {
  const own = newTrace(random)
  let last: string | undefined
  return {
    send: async (request) => {
      const traceparent = request.headers['traceparent'] ?? spanOf(own, random)
      last = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent)?.[1]
      return send({ ...request, headers: { ...request.headers, traceparent } })
    },
    named: (step) =>
      step.ok || last === undefined || !mayHaveArrived(step)
        ? step
        : { ...step, message: `${step.message ?? 'no reason given'} (trace ${last})` },
  }
}

function mayHaveArrived({ status, class: failure }: StepResult): boolean {
  return status !== 0 || failure === 'timeout'
}

/** The id of a new trace. */
export function newTrace(random: Random): string {
  return hex(random, 32)
}

/** The `traceparent` of a new, sampled span in a trace. */
export function spanOf(trace: string, random: Random): string {
  return `00-${trace}-${hex(random, 16)}-01`
}

// An id of zeros alone is not valid, and as likely as never.
function hex(random: Random, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('')
}
