import type { WallClock } from '../../record/index.ts'

/**
 * Time as the scheduler sees it. The wall clock says when something is due, and can be moved; the monotonic clock says
 * how much time went by. Timers count monotonic time.
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
