/** Longer than this without our own event loop coming to its work, and what was measured is our delay, not the target's. */
export const stallLimitMs = 250

const tickMs = 10

/**
 * Watches this process's event loop from now on. A prober that was itself not running (a busy machine, a laptop asleep)
 * would otherwise report its own absence as the target's slowness. By a timer of our own: Node's monitor of the event
 * loop does not see a stall before its first tick, nor one that has not ended yet.
 *
 * @returns call it once to end the watch: the longest stall in milliseconds
 */
export function watchOwnLoop(): () => number {
  let lastMs = performance.now()
  let longestMs = 0
  const tick = (): void => {
    const now = performance.now()
    longestMs = Math.max(longestMs, now - lastMs - tickMs)
    lastMs = now
  }
  const timer = setInterval(tick, tickMs)
  return () => {
    clearInterval(timer)
    tick()
    return longestMs
  }
}
