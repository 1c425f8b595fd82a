/** How often the time is read, and what a reading adds at most. */
const tickMs = 10
const mostPerTickMs = 2 * tickMs

export interface RunningClock {
  /** Milliseconds in which this process could run, since the clock was started. */
  elapsedMs: () => number
}

/** What counting needs of the process. Milliseconds since any moment. */
export interface ProcessTime {
  nowMs: () => number
  /** Calls `tick` again and again, and does not keep the process. */
  every: (ms: number, tick: () => void) => void
}

/**
 * Counts the time in which this process can run: it stands still while the process does not, because the host
 * took its CPU or other processes have it. A stall of 900 ms counts as 20.
 */
export function countRunningTime({ nowMs, every }: ProcessTime): () => number {
  let ranMs = 0
  let readAt = nowMs()
  const read = (): number => {
    const now = nowMs()
    ranMs += Math.min(now - readAt, mostPerTickMs)
    readAt = now
    return ranMs
  }
  every(tickMs, () => void read())
  return read
}

/** One timer for all clocks of the process: it is never ended. */
const readRanMs = countRunningTime({
  nowMs: () => performance.now(),
  every: (ms, tick) => void setInterval(tick, ms).unref(),
})

/** A clock for "within 10 s", which is a promise about vigil and not about this machine. */
export function startRunningClock(): RunningClock {
  const startedAt = readRanMs()
  return { elapsedMs: () => readRanMs() - startedAt }
}
