import { startContext } from '../journeys/index.ts'
import type { Journey } from '../journeys/index.ts'
import { openConnections, sendRequest } from '../journeys/client/index.ts'
import type { PlayResult, Send } from '../journeys/client/index.ts'
import type { Random, StepResult } from '../record/index.ts'
import { stepWords } from './failed-step.ts'
import { playPolling } from './polling.ts'
import { traced } from './trace.ts'

/** One try of a journey against a target. */
export interface AttemptPlan {
  targetUrl: string
  journey: Journey
  /** Differs from every other attempt's, so that no two make the same data. */
  unique: string
  attempt: number
  /** For everything but cleaning up. */
  timeoutMs: number
  signal: AbortSignal
  /** For the ids of its trace. */
  random: Random
}

export interface Attempt {
  steps: StepResult[]
  /** The steps' time together. */
  durationMs: number
  /** The step that failed, which may be a `before` step. */
  failed: StepResult | undefined
  /** What could not be cleaned up, in one line. */
  leftBehind: string | undefined
}

const maxBodyBytes = 4 * 1024 * 1024
/** Cleaning up has its own time: it is owed even when the probe's was used up, or when we were interrupted. */
const cleanUpMs = 3000

/** Plays `before`, the steps and, whatever came of them, `after`, which sees all that was saved. All of it is one trace. */
export async function attemptJourney(plan: AttemptPlan): Promise<Attempt> {
  const { journey, signal } = plan
  const kept = openConnections(1)
  let within = sender(plan.targetUrl, plan.timeoutMs, signal, kept)
  const trace = traced(async (request) => within(request), plan.random)
  const named = (played: PlayResult): PlayResult => ({ ...played, steps: played.steps.map(trace.named) })
  try {
    const prepared = named(
      await playPolling(journey.before ?? [], startContext(plan.unique, 0, plan.attempt), trace.send, signal),
    )
    const unprepared = prepared.steps.find((step) => !step.ok)
    const played = unprepared
      ? { ctx: prepared.ctx, steps: [unprepared] }
      : named(await playPolling(journey.steps, prepared.ctx, trace.send, signal))
    const begun = prepared.steps.length + played.steps.length > 0
    const owed = new AbortController().signal
    within = sender(plan.targetUrl, cleanUpMs, owed, kept)
    const cleaned = begun
      ? named(await playPolling(journey.after ?? [], played.ctx, trace.send, owed))
      : undefined
    return { ...summary(played), leftBehind: cleaned && failureIn(cleaned) }
  } finally {
    await kept.destroy()
  }
}

function summary({ steps }: PlayResult): Pick<Attempt, 'steps' | 'durationMs' | 'failed'> {
  return {
    steps,
    durationMs: steps.reduce((sum, step) => sum + step.durationMs, 0),
    failed: steps.find((step) => !step.ok),
  }
}

function failureIn({ steps }: PlayResult): string | undefined {
  const failed = steps.find((step) => !step.ok)
  return failed && stepWords(failed)
}

/** Each request may take what is left of the whole. */
function sender(
  targetUrl: string,
  wholeMs: number,
  signal: AbortSignal,
  kept: ReturnType<typeof openConnections>,
): Send {
  const deadline = performance.now() + wholeMs
  return async (request) => {
    const timeoutMs = Math.round(deadline - performance.now())
    if (timeoutMs <= 0)
      return {
        state: 'failed',
        class: 'timeout',
        message: `the time for all steps, ${wholeMs} ms, was over`,
        durationMs: 0,
      }
    return sendRequest(targetUrl, request, { timeoutMs, maxBodyBytes, signal }, kept)
  }
}
