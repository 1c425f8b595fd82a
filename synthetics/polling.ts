import { setTimeout as sleep } from 'node:timers/promises'
import { playSteps } from '../journeys/client/index.ts'
import type { PlayResult, Send } from '../journeys/client/index.ts'
import type { StepResult } from '../record/index.ts'
import type { Context, Step, Until } from '../journeys/index.ts'

/**
 * Plays steps as `playSteps` does, and those with `until` again and again: as long as they are answered by a 2xx that says
 * the wrong thing ("not yet"). Whatever else comes ends it. What such a step took is the whole time of waiting, as its user
 * has it; how many answers it had before is `polls` in the context of it and of later steps.
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
  const began = performance.now()
  for (let polls = 0; ; polls += 1) {
    const { ctx, steps } = await playSteps([step], { ...start, polls }, send)
    const sinceMs = performance.now() - began
    const isOver = sinceMs + until.everyMs >= until.timeoutMs || signal.aborted
    if (isOver || !steps.some(isNotYet))
      return {
        ctx,
        steps: steps.map((result) => ({
          ...result,
          durationMs: sinceMs,
          ...(isNotYet(result) && { message: waited(result, polls + 1, sinceMs) }),
        })),
      }
    if (until.everyMs > 0) await sleep(until.everyMs, undefined, { signal }).catch(() => undefined)
  }
}

function isNotYet({ ok, class: failure, status }: StepResult): boolean {
  return !ok && failure === 'check' && status !== 0
}

function waited({ message }: StepResult, times: number, ms: number): string {
  return `${message ?? 'not as expected'}, still so after ${Math.round(ms)} ms and ${times} requests`
}
