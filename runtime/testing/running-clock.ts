/** How often the clock is read, and what a reading adds at most. */
const tickMs = 10
const mostPerTickMs = 2 * tickMs

export interface RunningClock {
  /** Milliseconds in which this process could run, since the clock was started. */
  elapsedMs: () => number
}

/** What a clock needs of its process. Milliseconds since any moment. */
export interface ProcessTime {
  nowMs: () => number
  /** Calls `tick` again and again, and does not keep the process. */
  every: (ms: number, tick: () => void) => void
}

const ownProcess: ProcessTime = {
  nowMs: () => performance.now(),
  every: (ms, tick) => void setInterval(tick, ms).unref(),
}

/**
 * A clock for "within 10 s", which is a promise about vigil and not about this machine: it stands still while
 * the process that reads it does not run, because the host took its CPU or other processes have it. A stall
 * of 900 ms counts as 20.
 */
export function startRunningClock({ nowMs, every }: ProcessTime = ownProcess): RunningClock {
  let elapsed = 0
  let readAt = nowMs()
  const read = (): number => {
    const now = nowMs()
    elapsed += Math.min(now - readAt, mostPerTickMs)
    readAt = now
    return elapsed
  }
  every(tickMs, () => void read())
  return { elapsedMs: read }
}
