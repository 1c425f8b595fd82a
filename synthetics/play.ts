import { setTimeout as sleep } from 'node:timers/promises'
import { playSteps } from '../journeys/client/index.ts'
import type { PlayResult, Send } from '../journeys/client/index.ts'
import type { Context, Step, Until } from '../journeys/index.ts'
import type { Random, StepResult } from '../record/index.ts'

/**
 * Plays steps like `playSteps`, and polls those with `until` while an answer of an expected status, or a 2xx,
 * fails ("not yet"). Any other answer ends the polling. The duration of such a step is the total waiting
 * time, as its user experiences it. `polls` in the context of this step and of later ones counts the earlier
 * answers.
 */
export async function playPolling(
  steps: readonly Step[],
  start: Context,
  send: Send,
  signal: AbortSignal,
): Promise<PlayResult> {
  const played: PlayResult = { ctx: start, steps: [] }
  for (const step of steps) {
    const { until } = step
    const { ctx, steps: results } = until
      ? await poll(step, until, played.ctx, send, signal)
      : await playSteps([step], played.ctx, send)
    played.ctx = ctx
    played.steps.push(...results)
    if (results.some(({ ok }) => !ok)) break
  }
  return played
}

async function poll(
  step: Step,
  until: Until,
  start: Context,
  send: Send,
  signal: AbortSignal,
): Promise<PlayResult> {
  const startedMs = performance.now()
  for (let polls = 0; ; polls += 1) {
    const { ctx, steps } = await playSteps([step], { ...start, polls }, send)
    const elapsedMs = performance.now() - startedMs
    const isOver = elapsedMs + until.everyMs >= until.timeoutMs || signal.aborted
    if (isOver || !steps.some(isNotYet))
      return {
        ctx,
        steps: steps.map((result) => ({
          ...result,
          durationMs: elapsedMs,
          ...(isNotYet(result) && { message: describeWaiting(result, polls + 1, elapsedMs) }),
        })),
      }
    if (until.everyMs > 0) await sleep(until.everyMs, undefined, { signal }).catch(() => undefined)
  }
}

function isNotYet({ ok, class: failure, status }: StepResult): boolean {
  return !ok && failure === 'check' && status !== 0
}

function describeWaiting({ message }: StepResult, requests: number, elapsedMs: number): string {
  return (
    `${message ?? 'not as expected'}, unchanged after ${Math.round(elapsedMs)} ms and ${requests} ` +
    'requests'
  )
}

/** Sends requests that can be found in the target's traces. */
export interface TracedSender {
  send: Send
  /** Adds the trace's id to the message of a failed step, if the target may have received its request. */
  addTraceId: (step: StepResult) => StepResult
}

/**
 * Sends W3C's `traceparent` with each request: one trace, with a sampled span for each request
 * (https://www.w3.org/TR/trace-context/). A journey that sets the header keeps its value.
 */
export function createTracedSender(send: Send, random: Random): TracedSender {
  const traceId = createTraceId(random)
  let lastId: string | undefined
  return {
    send: async (request) => {
      const traceparent = request.headers['traceparent'] ?? createTraceparent(traceId, random)
      lastId = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent)?.[1]
      return send({ ...request, headers: { ...request.headers, traceparent } })
    },
    addTraceId: (step) =>
      step.ok || lastId === undefined || !mayHaveArrived(step)
        ? step
        : { ...step, message: `${step.message ?? 'no reason given'} (trace ${lastId})` },
  }
}

function mayHaveArrived({ status, class: failure }: StepResult): boolean {
  return status !== 0 || failure === 'timeout'
}

/** Creates the id of a new trace. */
export function createTraceId(random: Random): string {
  return createHex(random, 32)
}

/** Creates the `traceparent` of a new, sampled span in a trace. */
export function createTraceparent(traceId: string, random: Random): string {
  return `00-${traceId}-${createHex(random, 16)}-01`
}

// An id of zeros only is not valid, and has a probability of 16^-16.
function createHex(random: Random, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('')
}
