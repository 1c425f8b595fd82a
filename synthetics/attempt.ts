import { openConnections, sendRequest } from '../journeys/client/index.ts'
import type { PlayResult, Send } from '../journeys/client/index.ts'
import { startContext } from '../journeys/index.ts'
import type { Journey, Secrets } from '../journeys/index.ts'
import type { Random, StepResult } from '../record/index.ts'
import { describeFailedStep } from './failure.ts'
import { createTracedSender, playPolling } from './play.ts'

/** One attempt at a journey against a target. */
export interface AttemptPlan {
  targetUrl: string
  journey: Journey
  secrets?: Secrets
  /** Differs from every other attempt's, so that no two create the same data. */
  unique: string
  attempt: number
  /** For everything except cleaning up. */
  timeoutMs: number
  signal: AbortSignal
  /** For the ids of its trace. */
  random: Random
}

export interface Attempt {
  steps: StepResult[]
  /** Sum of the steps' durations. */
  durationMs: number
  /** The step that failed, which may be a `before` step. */
  failed: StepResult | undefined
  /** Why cleaning up failed, in one line. */
  cleanUpFailure: string | undefined
}

const maxBodyBytes = 4 * 1024 * 1024
/** Cleaning up has a separate time limit: it runs even after the probe's limit, and after an interrupt. */
const cleanUpMs = 3000

/**
 * Plays `before`, the steps and, whatever their result, `after` with all saved values. All of it is one
 * trace.
 */
export async function attemptJourney(plan: AttemptPlan): Promise<Attempt> {
  const { journey, signal } = plan
  const connections = openConnections(1)
  let sendInTime = createBoundedSender(plan.targetUrl, plan.timeoutMs, signal, connections)
  const { send, addTraceId } = createTracedSender(async (request) => sendInTime(request), plan.random)
  const play = async (
    steps: Journey['steps'],
    ctx: PlayResult['ctx'],
    until: AbortSignal,
  ): Promise<PlayResult> => {
    const played = await playPolling(steps, ctx, send, until)
    return { ...played, steps: played.steps.map(addTraceId) }
  }
  try {
    const prepared = await play(
      journey.before ?? [],
      startContext(plan.unique, 0, plan.attempt, {}, plan.secrets),
      signal,
    )
    const failed = prepared.steps.find((step) => !step.ok)
    const played = failed
      ? { ctx: prepared.ctx, steps: [failed] }
      : await play(journey.steps, prepared.ctx, signal)
    const hasStarted = prepared.steps.length + played.steps.length > 0
    const uninterrupted = new AbortController().signal
    sendInTime = createBoundedSender(plan.targetUrl, cleanUpMs, uninterrupted, connections)
    const cleaned = hasStarted ? await play(journey.after ?? [], played.ctx, uninterrupted) : undefined
    return { ...summarize(played), cleanUpFailure: cleaned && describeFailure(cleaned) }
  } finally {
    await connections.destroy()
  }
}

function summarize({ steps }: PlayResult): Pick<Attempt, 'steps' | 'durationMs' | 'failed'> {
  return {
    steps,
    durationMs: steps.reduce((sum, step) => sum + step.durationMs, 0),
    failed: steps.find((step) => !step.ok),
  }
}

function describeFailure({ steps }: PlayResult): string | undefined {
  const failed = steps.find((step) => !step.ok)
  return failed && describeFailedStep(failed)
}

/** Each request may use the rest of the total time. */
function createBoundedSender(
  targetUrl: string,
  totalMs: number,
  signal: AbortSignal,
  connections: ReturnType<typeof openConnections>,
): Send {
  const deadline = performance.now() + totalMs
  return async (request) => {
    const timeoutMs = Math.round(deadline - performance.now())
    if (timeoutMs <= 0)
      return {
        state: 'failed',
        class: 'timeout',
        message: `the time for all steps, ${totalMs} ms, was over`,
        durationMs: 0,
      }
    return sendRequest(targetUrl, request, { timeoutMs, maxBodyBytes, signal, purpose: 'probe' }, connections)
  }
}
