/**
 * The longest turn of the event loop during `work`, as a share of the time in which `JSON.parse` reads 8 MB
 * of nested arrays: about a second. It is CPU time, because other processes may delay a turn as well, and
 * relative, because a busy machine makes both longer.
 */
export async function measureLongestTurn(work: () => Promise<void>): Promise<number> {
  let longest = 0
  let last = process.threadCpuUsage()
  const measure = (): void => {
    longest = Math.max(longest, cpuMsSince(last))
    last = process.threadCpuUsage()
  }
  const timer = setInterval(measure, 1)
  await work()
  measure()
  clearInterval(timer)
  const before = process.threadCpuUsage()
  JSON.parse('['.repeat(4_000_000) + ']'.repeat(4_000_000))
  return longest / cpuMsSince(before)
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}
