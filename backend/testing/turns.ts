/**
 * How long the longest turn of the event loop during `work` was. Milliseconds of CPU time, because other
 * processes may delay a turn as well.
 */
export async function measureLongestTurnMs(work: () => Promise<void>): Promise<number> {
  let longestMs = 0
  let last = process.threadCpuUsage()
  const measure = (): void => {
    longestMs = Math.max(longestMs, cpuMsSince(last))
    last = process.threadCpuUsage()
  }
  const timer = setInterval(measure, 1)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  measure()
  return longestMs
}

/**
 * How long `JSON.parse` takes for 8 MB of nested arrays, about a second. Turns are compared with it, because
 * a busy machine makes both longer. Milliseconds of CPU time.
 */
export function measureParsingMs(): number {
  const before = process.threadCpuUsage()
  JSON.parse('['.repeat(4_000_000) + ']'.repeat(4_000_000))
  return cpuMsSince(before)
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}
