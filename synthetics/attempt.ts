import { openConnections, sendRequest } from '../journeys/client/index.ts'
import type { PlayResult, Send } from '../journeys/client/index.ts'
import { startContext } from '../journeys/index.ts'
import type { Journey, Secrets } from '../journeys/index.ts'
import type { Random, StepResult, FailedAttempt, ProbeResult } from '../record/index.ts'
import { createTracedSender, playPolling } from './play.ts'
import { toOneLine } from '../record/index.ts'

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
