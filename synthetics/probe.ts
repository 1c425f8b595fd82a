import { setTimeout as pause } from 'node:timers/promises'
import type { Journey } from '../journeys/index.ts'
import type { Random, WallClock, StepResult, ProbeResult } from '../record/index.ts'
import { attemptJourney } from './attempt.ts'
import type { Attempt } from './attempt.ts'
import { blamed } from './control.ts'
import { complaintOfRetries, retriesOf, stepWords } from './failed-step.ts'
import { stallLimitMs, watchOwnLoop } from './stall.ts'

/** A journey as a probe. */
export interface ProbePlan {
  name: string
  targetUrl: string
  journey: Journey
  /** Differs from every other run's. */
  run: string
  /** For one attempt. */
  timeoutMs: number
  /** At most so many tries; what passes only on a later one is `degraded`. */
  attempts: number
  /** From this on it is too slow to be `up`. */
  degradedMs: number | undefined
  /** Asked when the target cannot be reached: is it the target, or are we offline. */
  controlUrl: string | undefined
  signal: AbortSignal
  now: WallClock
  random: Random
}

/** A moment, so that a target that is just being restarted is asked after it rather than twice within it. */
const pauseMs = 250
/** A prober that stalls again and again cannot tell anything. */
const stalledTries = 3

interface Tried {
  last: Attempt
  /** What the attempts before it failed with. */
  earlier: StepResult[]
  /** Our own longest stall in the last attempt. */
  stalledMs: number
}

type Judged = Pick<ProbeResult, 'outcome' | 'message'>

/** Runs a probe once. Never throws for what the target does. */
export async function runProbe(plan: ProbePlan): Promise<ProbeResult> {
  const startedAt = new Date(plan.now()).toISOString()
  const tried = await tryUntilUp(plan)
  const { last, earlier } = tried
  return {
    name: plan.name,
    startedAt,
    durationMs: last.durationMs,
    attempts: earlier.length + 1,
    ...retriesOf(earlier),
    steps: last.steps,
    ...(await judgeReached(plan, tried)),
  }
}

async function tryUntilUp(plan: ProbePlan): Promise<Tried> {
  const earlier: StepResult[] = []
  let stalled = 0
  for (let attempt = 0; ; attempt += 1) {
    const stallOf = watchOwnLoop()
    const last = await attemptJourney({ ...plan, unique: `${plan.run}-${plan.name}`, attempt })
    const stalledMs = stallOf()
    // A sample that our own stall may have spoilt is no sample; taking it again costs the target nothing.
    const spoilt = stalledMs > stallLimitMs && !isUp(plan, last)
    if (spoilt) stalled += 1
    const over = spoilt ? stalled >= stalledTries : !last.failed || earlier.length + 1 >= plan.attempts
    if (over || plan.signal.aborted) return { last, earlier, stalledMs }
    if (!spoilt && last.failed) earlier.push(last.failed)
    await pause(pauseMs, undefined, { signal: plan.signal }).catch(() => undefined)
  }
}

function isUp(plan: ProbePlan, attempt: Attempt): boolean {
  return !attempt.failed && (plan.degradedMs === undefined || attempt.durationMs < plan.degradedMs)
}

async function judgeReached(plan: ProbePlan, tried: Tried): Promise<Judged> {
  const judged = judge(plan, tried)
  // Who was answered is not offline.
  const unanswered = tried.last.failed?.status === 0 && tried.last.failed.class !== 'check'
  return judged.outcome === 'down' && unanswered
    ? blamed(judged.message ?? '', plan.controlUrl, plan.signal)
    : judged
}

function judge(plan: ProbePlan, { last, earlier, stalledMs }: Tried): Judged {
  if (plan.signal.aborted && last.failed)
    return { outcome: 'unknown', message: 'interrupted before it was done' }
  if (stalledMs > stallLimitMs && !isUp(plan, last)) {
    return {
      outcome: 'unknown',
      message: `this prober stood still for ${Math.round(stalledMs)} ms in each of its tries: look at the machine that probes, not at the target`,
    }
  }
  if (last.failed) return { outcome: 'down', message: stepWords(last.failed) }
  const complaints = [
    ...complaintOfRetries(earlier.length + 1, earlier),
    ...(isUp(plan, last)
      ? []
      : [`took ${Math.round(last.durationMs)} ms, expected less than ${plan.degradedMs} ms`]),
    ...(last.leftBehind === undefined ? [] : [`could not clean up: ${last.leftBehind}`]),
  ]
  return complaints.length === 0 ? { outcome: 'up' } : { outcome: 'degraded', message: complaints.join('; ') }
}
