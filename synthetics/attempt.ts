import { startContext } from '../journeys/index.ts'
import type { Context, Journey } from '../journeys/index.ts'
import { connections, playSteps, sendRequest } from '../client/index.ts'
import type { Played, PlayedStep, Send } from '../client/index.ts'

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
}

export interface Attempt {
  steps: PlayedStep[]
  /** The steps' time together. */
  durationMs: number
  /** The step that failed, which may be a `before` step. */
  failed: PlayedStep | undefined
  /** What could not be cleaned up, in one line. */
  leftBehind: string | undefined
}

const maxBodyBytes = 4 * 1024 * 1024
/** Cleaning up has its own time: it is owed even when the probe's was used up, or when we were interrupted. */
const cleanUpMs = 3000

/** Plays `before`, the steps and, whatever came of them, `after`, which sees all that was saved. */
export async function attemptJourney(plan: AttemptPlan): Promise<Attempt> {
  const { journey } = plan
  const kept = connections(1)
  try {
    const within = sender(plan.targetUrl, plan.timeoutMs, plan.signal, kept)
    const prepared = await playSteps(journey.before ?? [], startContext(plan.unique, 0, plan.attempt), within)
    const unprepared = prepared.steps.find((step) => !step.ok)
    const played = unprepared ? { ctx: prepared.ctx, steps: [unprepared] } : await playSteps(journey.steps, prepared.ctx, within)
    const begun = prepared.steps.length + played.steps.length > 0
    const leftBehind = begun ? await cleanUp(plan, played.ctx, sender(plan.targetUrl, cleanUpMs, new AbortController().signal, kept)) : undefined
    return { ...summary(played), leftBehind }
  } finally {
    await kept.destroy()
  }
}

function summary({ steps }: Played): Pick<Attempt, 'steps' | 'durationMs' | 'failed'> {
  return { steps, durationMs: steps.reduce((sum, step) => sum + step.durationMs, 0), failed: steps.find((step) => !step.ok) }
}

async function cleanUp({ journey }: AttemptPlan, ctx: Context, send: Send): Promise<string | undefined> {
  const { steps } = await playSteps(journey.after ?? [], ctx, send)
  const failed = steps.find((step) => !step.ok)
  return failed && stepWords(failed)
}

/** A failed step as one line. */
export function stepWords({ step, class: failure, message }: PlayedStep): string {
  return `${step} failed (${failure ?? 'check'}): ${message ?? 'no reason given'}`
}

/** Each request may take what is left of the whole. */
function sender(targetUrl: string, wholeMs: number, signal: AbortSignal, kept: ReturnType<typeof connections>): Send {
  const deadline = performance.now() + wholeMs
  return async (request) => {
    const timeoutMs = Math.round(deadline - performance.now())
    if (timeoutMs <= 0) return { state: 'failed', class: 'timeout', message: `the time for all steps, ${wholeMs} ms, was over`, durationMs: 0 }
    return sendRequest(targetUrl, request, { timeoutMs, maxBodyBytes, signal }, kept)
  }
}
