import { setTimeout as pause } from 'node:timers/promises'
import type { Journey, Secrets } from '../journeys/index.ts'
import type { ProbeResult, Random, StepResult, WallClock } from '../record/index.ts'
import {
  attemptJourney,
  attributeFailure,
  describeFailedStep,
  describeRetries,
  toEarlierAttempts,
} from './attempt.ts'
import type { Attempt } from './attempt.ts'

/** A journey as a probe. */
export interface ProbePlan {
  name: string
  targetUrl: string
  journey: Journey
  secrets?: Secrets
  /** Differs from every other run's. */
  run: string
  /** For one attempt. */
  timeoutMs: number
  /** Maximum number of attempts. A probe that passes only on a retry is `degraded`. */
  attempts: number
  /** From this duration on, the target is too slow to be `up`. */
  degradedMs: number | undefined
  /** Receives a request if the target cannot be reached: is the target down, or this prober offline? */
  controlUrl: string | undefined
  signal: AbortSignal
  now: WallClock
  random: Random
}

/** So that two attempts do not fall into one restart of the target. */
const pauseMs = 250
/** A prober that stalls this often cannot say anything about the target. */
const maxStalls = 3
/**
 * If this process's event loop stalls for longer, the measured time is this process's delay, not the
 * target's.
 */
const stallLimitMs = 250
const stallTickMs = 10

interface AttemptSeries {
  last: Attempt
  /** The failures of the attempts before it. */
  earlier: StepResult[]
  /** This process's longest stall in the last attempt. */
  stalledMs: number
}

type Judgement = Pick<ProbeResult, 'outcome' | 'message'>

/** Runs a probe once. Never throws for what the target does. */
export async function runProbe(plan: ProbePlan): Promise<ProbeResult> {
  const startedAt = new Date(plan.now()).toISOString()
  const series = await attemptUntilUp(plan)
  const { last, earlier } = series
  return {
    name: plan.name,
    startedAt,
    durationMs: last.durationMs,
    attempts: earlier.length + 1,
    ...toEarlierAttempts(earlier),
    steps: last.steps,
    ...(await judgeReachability(plan, series)),
  }
}

async function attemptUntilUp(plan: ProbePlan): Promise<AttemptSeries> {
  const earlier: StepResult[] = []
  let stalls = 0
  for (let attempt = 0; ; attempt += 1) {
    const stopWatching = watchOwnLoop()
    const last = await attemptJourney({ ...plan, unique: `${plan.run}-${plan.name}`, attempt })
    const stalledMs = stopWatching()
    // A sample that a stall of this process may have distorted is discarded. Repeating it costs the target
    // little.
    const isDistorted = stalledMs > stallLimitMs && !isUp(plan, last)
    if (isDistorted) stalls += 1
    const isOver = isDistorted ? stalls >= maxStalls : !last.failed || earlier.length + 1 >= plan.attempts
    if (isOver || plan.signal.aborted) return { last, earlier, stalledMs }
    if (!isDistorted && last.failed) earlier.push(last.failed)
    await pause(pauseMs, undefined, { signal: plan.signal }).catch(() => undefined)
  }
}

function isUp(plan: ProbePlan, attempt: Attempt): boolean {
  return !attempt.failed && (plan.degradedMs === undefined || attempt.durationMs < plan.degradedMs)
}

async function judgeReachability(plan: ProbePlan, series: AttemptSeries): Promise<Judgement> {
  const judgement = judge(plan, series)
  // A prober that received an answer is not offline.
  const isUnanswered = series.last.failed?.status === 0 && series.last.failed.class !== 'check'
  return judgement.outcome === 'down' && isUnanswered
    ? attributeFailure(judgement.message ?? '', plan.controlUrl, plan.signal)
    : judgement
}

function judge(plan: ProbePlan, { last, earlier, stalledMs }: AttemptSeries): Judgement {
  if (plan.signal.aborted && last.failed)
    return { outcome: 'unknown', message: 'interrupted before it was done' }
  if (stalledMs > stallLimitMs && !isUp(plan, last)) {
    return {
      outcome: 'unknown',
      message:
        `this prober stalled for ${Math.round(stalledMs)} ms in each attempt: ` +
        'check the machine that runs the probes, not the target',
    }
  }
  if (last.failed) return { outcome: 'down', message: describeFailedStep(last.failed) }
  const complaints = [
    ...describeRetries(earlier.length + 1, earlier),
    ...(isUp(plan, last)
      ? []
      : [`took ${Math.round(last.durationMs)} ms, expected less than ${plan.degradedMs} ms`]),
    ...(last.cleanUpFailure === undefined ? [] : [`could not clean up: ${last.cleanUpFailure}`]),
  ]
  return complaints.length === 0 ? { outcome: 'up' } : { outcome: 'degraded', message: complaints.join('; ') }
}

/**
 * Watches this process's event loop. A prober that did not run itself (a busy machine, a sleeping laptop)
 * would otherwise report its own absence as the target's slowness. It uses a timer: Node's event loop monitor
 * misses a stall before its first tick and one that has not ended yet.
 *
 * @returns ends the watch and returns the longest stall in milliseconds
 */
function watchOwnLoop(): () => number {
  let lastMs = performance.now()
  let longestMs = 0
  const tick = (): void => {
    const now = performance.now()
    longestMs = Math.max(longestMs, now - lastMs - stallTickMs)
    lastMs = now
  }
  const timer = setInterval(tick, stallTickMs)
  return () => {
    clearInterval(timer)
    tick()
    return longestMs
  }
}
