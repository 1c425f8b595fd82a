import type { Clock } from '../due.ts'

/** A clock that a test advances, so that days pass without waiting. */
export interface SimulatedClock extends Clock {
  /** Advances both clocks, and calls every timer that becomes due, in order. */
  pass: (ms: number) => Promise<void>
  /** Moves the wall clock alone, as when it is set, or after the machine slept. */
  setWall: (ms: number) => void
  /** Time goes by while this process does not run (stopped, starved): timers are late. */
  freeze: (ms: number) => void
}

interface Timer {
  at: number
  call: () => void
}

export function createSimulatedClock(wallMs: number): SimulatedClock {
  let wall = wallMs
  let monotonic = 0
  const timers = new Set<Timer>()
  const go = (ms: number): void => {
    wall += ms
    monotonic += ms
  }
  const next = (until: number): Timer | undefined => {
    let first: Timer | undefined
    for (const timer of timers) if (timer.at <= until && (!first || timer.at < first.at)) first = timer
    return first
  }
  return {
    wall: () => wall,
    monotonic: () => monotonic,
    after: (ms, call) => {
      const timer = { at: monotonic + Math.max(0, ms), call }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    pass: async (ms) => {
      const until = monotonic + ms
      for (let timer = next(until); timer; timer = next(until)) {
        go(Math.max(0, timer.at - monotonic))
        timers.delete(timer)
        timer.call()
        await settled()
      }
      go(until - monotonic)
      await settled()
    },
    setWall: (ms) => (wall = ms),
    freeze: go,
  }
}

// What was started by a timer has its few turns of the microtask queue.
async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve()
}
