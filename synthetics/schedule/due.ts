import { createHash } from 'node:crypto'
import type { Cadence } from '../../config/index.ts'
import type { WallClock } from '../../record/index.ts'

/**
 * Time as the scheduler sees it. The wall clock says when something is due, and can be moved; the monotonic
 * clock says how much time went by. Timers count monotonic time.
 */
export interface Clock {
  wall: WallClock
  /** Milliseconds since some moment; never goes back. */
  monotonic: () => number
  /** Calls once, at the earliest after so many milliseconds. Returns what cancels it. */
  after: (ms: number, call: () => void) => () => void
}

/** The machine's clocks. */
export function systemClock(wall: WallClock): Clock {
  return {
    wall,
    monotonic: () => performance.now(),
    after: (ms, call) => {
      const timer = setTimeout(call, Math.max(0, ms))
      return () => clearTimeout(timer)
    },
  }
}

/** How late a run may begin and still count for its due time: half the gap to the next, at most a minute. */
export function graceMs(dueMs: number, nextMs: number): number {
  return Math.min((nextMs - dueMs) / 2, 60_000)
}

/** Until when what a run found is taken to hold: its next due time, and what that one may be late by. */
export function holdsUntil(dueMs: number, cadence: Cadence): number {
  const next = cadence.next(dueMs)
  return next + graceMs(dueMs, next)
}

/**
 * The same for a run that another schedule began (cron), whose due times are not known, only how far
 * they are apart.
 */
export function heldFrom(startedMs: number, cadence: Cadence): number {
  const first = cadence.next(startedMs)
  const gapMs = cadence.next(first) - first
  return startedMs + gapMs + graceMs(0, gapMs)
}

/** What has come due. */
export interface Due {
  /** The latest due time, when it is recent enough to run for; else it is among those missed. */
  runMs: number | undefined
  /** Due times that nothing ran for. */
  missed: number
  /** The first one in the future. */
  nextMs: number
}

/** More due times than this that passed together are no longer counted one by one. */
const countedOneByOne = 500

/**
 * Looks at all due times from `dueMs` on that have passed by `nowMs`. At most one of them is run for: no
 * storm.
 */
export function dueBy(cadence: Cadence, dueMs: number, nowMs: number): Due {
  let latest = dueMs
  let next = cadence.next(latest)
  let passed = 0
  while (next <= nowMs) {
    latest = next
    next = cadence.next(latest)
    passed += 1
    if (passed >= countedOneByOne) {
      const rest = Math.round((nowMs - latest) / ((latest - dueMs) / passed))
      return { runMs: undefined, missed: passed + 1 + rest, nextMs: cadence.next(nowMs) }
    }
  }
  const inTime = nowMs - latest <= graceMs(latest, next)
  return { runMs: inTime ? latest : undefined, missed: inTime ? passed : passed + 1, nextMs: next }
}

const mostMs = 5000
/** So far is looked ahead for the shortest gap; only gaps below `mostMs` matter. */
const lookMs = 120_000
const lookRuns = 64

/**
 * Moves a cadence by a delay of its own, so that probes that are due at the same second do not all begin at
 * once, neither here nor from another prober. The delay is the same every time (the runs stay evenly spaced):
 * drawn from the seed and the probe's name, shorter than the shortest gap between two runs and than 5 s.
 *
 * @param seed distinguishes this prober from others
 * @param fromMs where the search for the shortest gap begins
 */
export function splayed(cadence: Cadence, seed: string, name: string, fromMs: number): Cadence {
  const delayMs = Math.floor(share(`${seed}\n${name}`) * Math.min(mostMs, shortestGap(cadence, fromMs)))
  return { text: cadence.text, next: (afterMs) => cadence.next(afterMs - delayMs) + delayMs }
}

/** In [0, 1), uniform over texts. */
function share(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32
}

function shortestGap(cadence: Cadence, fromMs: number): number {
  let shortest = mostMs
  let at = cadence.next(fromMs)
  for (let run = 0; run < lookRuns && at - fromMs < lookMs; run += 1) {
    const next = cadence.next(at)
    shortest = Math.min(shortest, next - at)
    at = next
  }
  return shortest
}
