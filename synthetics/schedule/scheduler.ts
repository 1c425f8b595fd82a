import type { Cadence } from '../../config/index.ts'
import { findDue, computeHoldsUntil, computeOverdue } from './due.ts'
import type { Clock } from './due.ts'
import { writeWhole } from '../../record/store/index.ts'

/** A task that runs repeatedly, never twice at the same time. */
export interface Job<T> {
  name: string
  cadence: Cadence
  /** After this time, its signal is aborted. */
  deadlineMs: number
  run: (signal: AbortSignal) => Promise<T>
}

/** The events of a scheduler. Wall times are in milliseconds since 1970. */
export type ScheduleEvent<T> =
  | {
      kind: 'ran'
      name: string
      dueMs: number
      startedMs: number
      holdsUntilMs: number
      /** From when the next run is overdue. */
      overdueMs: number
      outcome: SuperviseResult<T>
    }
  /** Due while the previous run continues. */
  | { kind: 'skipped'; name: string; dueMs: number }
  /** Due times without a run: the machine slept or starved, or its clock was set forward. */
  | { kind: 'missed'; name: string; count: number; sinceMs: number }
  /** The wall clock was set, or the machine slept. `byMs` is the difference to the elapsed time. */
  | { kind: 'clock-moved'; byMs: number }
  /** A sign of life, at least every `beatMs`. */
  | { kind: 'beat'; atMs: number; running: string[] }

export interface SchedulePlan<T> {
  jobs: readonly Job<T>[]
  clock: Clock
  /** When aborted, no run starts, and current runs may finish. */
  stop: AbortSignal
  onEvent: (event: ScheduleEvent<T>) => void
  limits?: ScheduleLimits
}

export interface ScheduleLimits {
  /**
   * How long runs may continue after `stop`. Then they are aborted, which takes at most `cleanUpMs` more.
   */
  finishMs: number
  beatMs: number
}

/** Including the clean-up, this is well below the 10 s after which a service manager sends SIGKILL. */
export const scheduleLimits: ScheduleLimits = { finishMs: 5000, beatMs: 5000 }

/**
 * Interval of reading the clock, so that a clock set back or a wake from sleep is noticed within a second.
 */
const tickMs = 1000
/** More than the slewing of NTP moves a clock between two readings. */
const clockToleranceMs = 1000

interface State<T> {
  job: Job<T>
  dueMs: number
  running: boolean
}

/**
 * Runs jobs when they are due until `stop`. Settles when all runs have ended. Never throws for a job's
 * failure.
 */
export async function runSchedule<T>(plan: SchedulePlan<T>): Promise<void> {
  const { jobs, clock, stop, onEvent, limits = scheduleLimits } = plan
  const states = jobs.map((job): State<T> => ({ job, dueMs: job.cadence.next(clock.wall()), running: false }))
  const running = new Set<Promise<void>>()
  const abortRuns = new AbortController()
  let last = { wall: clock.wall(), monotonic: clock.monotonic() }
  let lastBeatMs = -Infinity
  let cancel: (() => void) | undefined

  const start = async (state: State<T>, dueMs: number): Promise<void> => {
    const { job } = state
    const startedMs = clock.wall()
    state.running = true
    const outcome = await supervise(job.run, job.deadlineMs, clock, abortRuns.signal)
    state.running = false
    onEvent({
      kind: 'ran',
      name: job.name,
      dueMs,
      startedMs,
      holdsUntilMs: computeHoldsUntil(dueMs, job.cadence),
      overdueMs: computeOverdue(dueMs, job.cadence, job.deadlineMs),
      outcome,
    })
  }

  const startIfDue = (state: State<T>, wall: number): void => {
    const { name, cadence } = state.job
    const sinceMs = state.dueMs
    const due = findDue(cadence, sinceMs, wall)
    state.dueMs = due.nextMs
    if (due.missed > 0) onEvent({ kind: 'missed', name, count: due.missed, sinceMs })
    if (due.runMs === undefined) return
    if (state.running) onEvent({ kind: 'skipped', name, dueMs: due.runMs })
    else {
      const run = start(state, due.runMs).finally(() => running.delete(run))
      running.add(run)
    }
  }

  const tick = (): void => {
    const wall = clock.wall()
    const monotonic = clock.monotonic()
    const byMs = wall - last.wall - (monotonic - last.monotonic)
    last = { wall, monotonic }
    if (Math.abs(byMs) > clockToleranceMs) onEvent({ kind: 'clock-moved', byMs })
    // After a clock was set back, the due times are too late: waiting for them would leave a gap.
    if (byMs < -clockToleranceMs) for (const state of states) state.dueMs = state.job.cadence.next(wall)
    for (const state of states) if (state.dueMs <= wall) startIfDue(state, wall)
    if (monotonic - lastBeatMs >= limits.beatMs) {
      lastBeatMs = monotonic
      onEvent({ kind: 'beat', atMs: wall, running: listRunning(states) })
    }
    const soonest = states.reduce((least, { dueMs }) => Math.min(least, dueMs), Infinity)
    cancel = clock.after(Math.min(tickMs, soonest - clock.wall()), tick)
  }

  if (!stop.aborted) tick()
  await waitForAbort(stop)
  cancel?.()
  const cancelAbortRuns = clock.after(limits.finishMs, () => abortRuns.abort())
  await Promise.all(running)
  cancelAbortRuns()
}

function listRunning<T>(states: readonly State<T>[]): string[] {
  return states.filter((state) => state.running).map(({ job }) => job.name)
}

async function waitForAbort(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** The result of a run. `timeout`: it did not end although it was aborted. */
export type SuperviseResult<T> =
  | { state: 'ok'; result: T; isOverdue: boolean }
  | { state: 'timeout' }
  | { state: 'failed'; reason: string }

/** Time that an aborted run has to clean up. */
export const cleanUpMs = 3500

/**
 * Runs a task with a deadline. At the deadline, or when `stop` is aborted, its signal is aborted. A task that
 * still does not end is abandoned, so that it blocks neither the schedule nor the end of this process.
 */
export async function supervise<T>(
  run: (signal: AbortSignal) => Promise<T>,
  deadlineMs: number,
  clock: Clock,
  stop: AbortSignal,
): Promise<SuperviseResult<T>> {
  const controller = new AbortController()
  const abandoned = Promise.withResolvers<SuperviseResult<T>>()
  let isOverdue = false
  let cancelAbandoning: (() => void) | undefined
  const abort = (): void => {
    if (controller.signal.aborted) return
    controller.abort()
    cancelAbandoning = clock.after(cleanUpMs, () => abandoned.resolve({ state: 'timeout' }))
  }
  const cancelDeadline = clock.after(deadlineMs, () => {
    isOverdue = true
    abort()
  })
  stop.addEventListener('abort', abort)
  if (stop.aborted) abort()
  try {
    const done = run(controller.signal).then((result): SuperviseResult<T> => ({
      state: 'ok',
      result,
      isOverdue,
    }))
    return await Promise.race([done, abandoned.promise])
  } catch (error) {
    return { state: 'failed', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    cancelDeadline()
    cancelAbandoning?.()
    stop.removeEventListener('abort', abort)
  }
}

/** The content of a running scheduler's heartbeat file. */
export interface Heartbeat {
  schema: 'vigil.heartbeat/1'
  /** ISO 8601 UTC. If it is older than a minute, the scheduler does not run or its disk is full. */
  at: string
  startedAt: string
  pid: number
  probes: number
  running: string[]
  runs: number
  skipped: number
  missed: number
}

/**
 * Writes heartbeats to a file, one at a time. During a write, only the newest later one waits.
 *
 * @returns `last` settles once all are written
 */
export function createHeartbeatFile(
  path: string,
  failed: (error: unknown) => void,
): { beat: (heartbeat: Heartbeat) => void; last: () => Promise<void> } {
  let waiting: Heartbeat | undefined
  let writing: Promise<void> | undefined
  const write = async (): Promise<void> => {
    while (waiting) {
      const text = `${JSON.stringify(waiting)}\n`
      waiting = undefined
      await writeWhole(path, text).catch(failed)
    }
    writing = undefined
  }
  return {
    beat: (heartbeat) => {
      waiting = heartbeat
      writing ??= write()
    },
    last: async () => writing,
  }
}
