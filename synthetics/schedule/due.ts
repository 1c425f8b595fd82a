import type { Cadence } from '../../config/cadence.ts'

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
 * The same for a run that somebody else's schedule began (cron), whose due times we do not know, only how far they are apart.
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

/** Beyond so many due times passed at once they are no longer counted one by one. */
const countedOneByOne = 500

/** Looks at all due times from `dueMs` on that have passed by `nowMs`. At most one of them is run for: no storm. */
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
