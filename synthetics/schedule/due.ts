import { createHash } from 'node:crypto'
import type { Cadence } from '../../config/index.ts'
import type { WallClock } from '../../record/index.ts'

/**
 * The scheduler's clocks. The wall clock decides what is due, and can be set. The monotonic clock measures
 * elapsed time. Timers count monotonic time.
 */
export interface Clock {
  wall: WallClock
  /** Milliseconds since an arbitrary moment. It never goes back. */
  monotonic: () => number
  /** Calls once, after at least `ms` milliseconds. Returns a function that cancels it. */
  after: (ms: number, call: () => void) => () => void
}

/** Creates a clock of this machine. */
export function createSystemClock(wall: WallClock): Clock {
  return {
    wall,
    monotonic: () => performance.now(),
    after: (ms, call) => {
      const timer = setTimeout(call, Math.max(0, ms))
      return () => clearTimeout(timer)
    },
  }
}

/** How late a run may start for its due time: half the gap to the next one, at most a minute. */
export function computeGraceMs(dueMs: number, nextMs: number): number {
  return Math.min((nextMs - dueMs) / 2, 60_000)
}

// Many weeks of a daily schedule, and half a day of one every five minutes, whose nights are the exception.
const sampledGaps = 64
const usualGaps = new WeakMap<Cadence, number>()

/**
 * The usual gap between the due times of a cadence: the lower median, because a schedule may leave out nights
 * and week-ends.
 */
export function findUsualGap(cadence: Cadence, fromMs: number): number {
  const known = usualGaps.get(cadence)
  if (known !== undefined) return known
  const gaps: number[] = []
  let at = cadence.next(fromMs)
  while (gaps.length < sampledGaps) {
    const next = cadence.next(at)
    gaps.push(next - at)
    at = next
  }
  const usual = gaps.toSorted((a, b) => a - b)[sampledGaps / 2 - 1] ?? 0
  usualGaps.set(cadence, usual)
  return usual
}

/** A result is valid for at most this many usual gaps. After that, no one has looked for too long. */
const maxGapsValid = 2

/**
 * Until when the result of a run is valid: its next due time plus that run's grace period, but at most two
 * usual gaps. The last result of a week is not the state of the week-end.
 */
export function computeHoldsUntil(dueMs: number, cadence: Cadence): number {
  const next = cadence.next(dueMs)
  return Math.min(next + computeGraceMs(dueMs, next), dueMs + maxGapsValid * findUsualGap(cadence, dueMs))
}

/**
 * The same for a run that another scheduler (cron) or a person started, at any time between two due times.
 */
export function estimateHoldsUntil(startedMs: number, cadence: Cadence): number {
  const next = estimateNextRun(startedMs, cadence)
  return Math.min(
    next + computeGraceMs(startedMs, next),
    startedMs + maxGapsValid * findUsualGap(cadence, startedMs),
  )
}

/**
 * From when the run after a moment is overdue: its due time, its grace period, and the time it may take.
 */
export function computeOverdue(afterMs: number, cadence: Cadence, runMs: number): number {
  const next = cadence.next(afterMs)
  return next + computeGraceMs(next, cadence.next(next)) + runMs
}

/** The same after a run that another scheduler (cron) or a person started. */
export function estimateOverdue(startedMs: number, cadence: Cadence, runMs: number): number {
  const next = estimateNextRun(startedMs, cadence)
  return next + computeGraceMs(startedMs, next) + runMs
}

/**
 * When another scheduler runs a probe again: as long after the next due time as this run began after the last
 * one, because it may have the same schedule with another offset (a timer at 02, 07, 12 for `5m`).
 */
function estimateNextRun(startedMs: number, cadence: Cadence): number {
  const usual = findUsualGap(cadence, startedMs)
  const offsetMs = startedMs - (findPreviousDue(cadence, startedMs, usual) ?? startedMs)
  return cadence.next(startedMs) + Math.min(offsetMs, usual)
}

const maxReachMs = 400 * 86_400_000

/** The latest due time that is not after a moment. A cadence only gives the next one, so it is bisected. */
function findPreviousDue(cadence: Cadence, atMs: number, usualMs: number): number | undefined {
  let reachMs = usualMs
  while (cadence.next(atMs - reachMs) > atMs) {
    reachMs *= 2
    if (reachMs > maxReachMs) return undefined
  }
  // The first due time after `before` has passed at `atMs`; the first one after `from` has not.
  let [before, from] = [atMs - reachMs, atMs]
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2)
    if (cadence.next(middle) <= atMs) before = middle
    else from = middle
  }
  return from
}

/** The due times that have passed. */
export interface Due {
  /** The latest due time, if it is recent enough for a run. Otherwise it counts as missed. */
  runMs: number | undefined
  /** Due times without a run. */
  missed: number
  /** The first due time in the future. */
  nextMs: number
}

/** From this number of passed due times on, their count is estimated. */
const maxCounted = 500

/**
 * Finds the due times from `dueMs` to `nowMs`. At most one of them leads to a run, so runs never pile up.
 */
export function findDue(cadence: Cadence, dueMs: number, nowMs: number): Due {
  let latest = dueMs
  let next = cadence.next(latest)
  let passed = 0
  while (next <= nowMs) {
    latest = next
    next = cadence.next(latest)
    passed += 1
    if (passed >= maxCounted) {
      const rest = Math.round((nowMs - latest) / ((latest - dueMs) / passed))
      return { runMs: undefined, missed: passed + 1 + rest, nextMs: cadence.next(nowMs) }
    }
  }
  const isInTime = nowMs - latest <= computeGraceMs(latest, next)
  return { runMs: isInTime ? latest : undefined, missed: isInTime ? passed : passed + 1, nextMs: next }
}

const maxDelayMs = 5000
/** Range of the search for the shortest gap. Only gaps below `maxDelayMs` matter. */
const searchMs = 120_000
const searchRuns = 64

/**
 * Delays a cadence, so that probes with the same due time do not all start together, neither in this prober
 * nor in another. The delay is constant, so the runs stay evenly spaced. It depends on the seed and the
 * probe's name, and is shorter than 5 s and than the shortest gap between two runs.
 *
 * @param seed differs between probers
 * @param fromMs start of the search for the shortest gap
 */
export function splayCadence(cadence: Cadence, seed: string, name: string, fromMs: number): Cadence {
  const delayMs = Math.floor(
    hashToFraction(`${seed}\n${name}`) * Math.min(maxDelayMs, findShortestGap(cadence, fromMs)),
  )
  return { text: cadence.text, next: (afterMs) => cadence.next(afterMs - delayMs) + delayMs }
}

/** Hashes a text to [0, 1), uniformly. */
function hashToFraction(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32
}

function findShortestGap(cadence: Cadence, fromMs: number): number {
  let shortest = maxDelayMs
  let at = cadence.next(fromMs)
  for (let run = 0; run < searchRuns && at - fromMs < searchMs; run += 1) {
    const next = cadence.next(at)
    shortest = Math.min(shortest, next - at)
    at = next
  }
  return shortest
}
