import type { Cadence } from '../../config/index.ts'
import { dueBy, holdsUntil } from './due.ts'
import type { Clock } from './due.ts'

/** Something to run repeatedly, never twice at the same time. */
export interface Job<T> {
  name: string
  cadence: Cadence
  /** When its signal is aborted, however well it does. */
  deadlineMs: number
  run: (signal: AbortSignal) => Promise<T>
}

/** The scheduler's events as they happen; wall times in milliseconds since 1970. */
export type ScheduleEvent<T> =
  | {
      kind: 'ran'
      name: string
      dueMs: number
      startedMs: number
      holdsUntilMs: number
      outcome: Supervised<T>
    }
  /** Due, but still running from before. */
  | { kind: 'skipped'; name: string; dueMs: number }
  /** Due times that passed without a run: asleep, stopped, starved, or the clock was set forward. */
  | { kind: 'missed'; name: string; count: number; sinceMs: number }
  /** The wall clock was set, or the machine slept: by so much more than time went by. */
  | { kind: 'clock-moved'; byMs: number }
  /** Still alive: at least every `beatMs`. */
  | { kind: 'beat'; atMs: number; running: string[] }

export interface SchedulePlan<T> {
  jobs: readonly Job<T>[]
  clock: Clock
  /** Aborted: nothing more is begun, and what runs may finish. */
  stop: AbortSignal
  onEvent: (event: ScheduleEvent<T>) => void
  limits?: ScheduleLimits
}

export interface ScheduleLimits {
  /**
   * How long runs may go on after `stop`; then they are asked to end, which takes at most `cleanUpMs` more.
   */
  finishMs: number
  beatMs: number
}

/** With what cleaning up may take, well within the 10 s after which a service manager loses its patience. */
export const scheduleLimits: ScheduleLimits = { finishMs: 5000, beatMs: 5000 }

/**
 * The clock is read this often, so that a wall clock set back or a wake from sleep is noticed immediately.
 */
const tickMs = 1000
/** More than the slewing of NTP moves a clock between two looks. */
const movedMs = 1000

interface State<T> {
  job: Job<T>
  dueMs: number
  running: boolean
}

/**
 * Runs jobs when they are due until `stop`. Settles when nothing runs any more. Never throws for what a job
 * does.
 */
export async function runSchedule<T>(plan: SchedulePlan<T>): Promise<void> {
  const { jobs, clock, stop, onEvent, limits = scheduleLimits } = plan
  const states = jobs.map((job): State<T> => ({ job, dueMs: job.cadence.next(clock.wall()), running: false }))
  const running = new Set<Promise<void>>()
  const giveUp = new AbortController()
  let seen = { wall: clock.wall(), monotonic: clock.monotonic() }
  let beatAt = -Infinity
  let cancel: (() => void) | undefined

  const begin = async (state: State<T>, dueMs: number): Promise<void> => {
    const { job } = state
    const startedMs = clock.wall()
    state.running = true
    const outcome = await supervise(job.run, job.deadlineMs, clock, giveUp.signal)
    state.running = false
    onEvent({
      kind: 'ran',
      name: job.name,
      dueMs,
      startedMs,
      holdsUntilMs: holdsUntil(dueMs, job.cadence),
      outcome,
    })
  }

  const look = (state: State<T>, wall: number): void => {
    const { name, cadence } = state.job
    const sinceMs = state.dueMs
    const due = dueBy(cadence, sinceMs, wall)
    state.dueMs = due.nextMs
    if (due.missed > 0) onEvent({ kind: 'missed', name, count: due.missed, sinceMs })
    if (due.runMs === undefined) return
    if (state.running) onEvent({ kind: 'skipped', name, dueMs: due.runMs })
    else {
      const run = begin(state, due.runMs).finally(() => running.delete(run))
      running.add(run)
    }
  }

  const wake = (): void => {
    const wall = clock.wall()
    const monotonic = clock.monotonic()
    const byMs = wall - seen.wall - (monotonic - seen.monotonic)
    seen = { wall, monotonic }
    if (Math.abs(byMs) > movedMs) onEvent({ kind: 'clock-moved', byMs })
    // Set back: what is due was worked out for a later time, and waiting for it would be silence.
    if (byMs < -movedMs) for (const state of states) state.dueMs = state.job.cadence.next(wall)
    for (const state of states) if (state.dueMs <= wall) look(state, wall)
    if (monotonic - beatAt >= limits.beatMs) {
      beatAt = monotonic
      onEvent({ kind: 'beat', atMs: wall, running: runningNames(states) })
    }
    const soonest = states.reduce((least, { dueMs }) => Math.min(least, dueMs), Infinity)
    cancel = clock.after(Math.min(tickMs, soonest - clock.wall()), wake)
  }

  if (!stop.aborted) wake()
  await aborted(stop)
  cancel?.()
  const cancelGivingUp = clock.after(limits.finishMs, () => giveUp.abort())
  await Promise.all(running)
  cancelGivingUp()
}

function runningNames<T>(states: readonly State<T>[]): string[] {
  return states.filter((state) => state.running).map(({ job }) => job.name)
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** What became of a run: its result, or that it did not come to an end although it was asked to. */
export type Supervised<T> =
  | { state: 'done'; result: T; overdue: boolean }
  | { state: 'hung' }
  | { state: 'threw'; reason: string }

/** After being asked to end, a run has this long to clean up. */
export const cleanUpMs = 3500

/**
 * Runs something that must end. At its deadline, or when `stop` is aborted, its signal is; what does not end
 * even then is left behind, so that it can block neither the schedule nor our own end.
 */
export async function supervise<T>(
  run: (signal: AbortSignal) => Promise<T>,
  deadlineMs: number,
  clock: Clock,
  stop: AbortSignal,
): Promise<Supervised<T>> {
  const deadline = new AbortController()
  const left = Promise.withResolvers<Supervised<T>>()
  let overdue = false
  let cancelLeaving: (() => void) | undefined
  const askToEnd = (): void => {
    if (deadline.signal.aborted) return
    deadline.abort()
    cancelLeaving = clock.after(cleanUpMs, () => left.resolve({ state: 'hung' }))
  }
  const cancelDeadline = clock.after(deadlineMs, () => {
    overdue = true
    askToEnd()
  })
  stop.addEventListener('abort', askToEnd)
  if (stop.aborted) askToEnd()
  try {
    const done = run(deadline.signal).then((result): Supervised<T> => ({ state: 'done', result, overdue }))
    return await Promise.race([done, left.promise])
  } catch (error) {
    return { state: 'threw', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    cancelDeadline()
    cancelLeaving?.()
    stop.removeEventListener('abort', askToEnd)
  }
}
