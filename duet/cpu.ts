import { readFileSync, readdirSync } from 'node:fs'

/**
 * CPU time that the processes of a group have used so far, in milliseconds, to the nanosecond and over all their threads:
 * the ticks of `/proc/<pid>/stat` are a hundredth of a second, which is what ten requests cost. A thread's time goes
 * with it when it ends; those of a service at work live on. Undefined where there is no such /proc, or no such group.
 */
export function cpuMsOf(group: number): number | undefined {
  let [sum, found] = [0, false]
  for (const pid of numbersIn('/proc')) {
    if (groupOf(pid) !== group) continue
    for (const thread of numbersIn(`/proc/${pid}/task`)) {
      const ran = Number(textOf(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ')[0])
      if (!Number.isFinite(ran)) continue
      sum += ran
      found = true
    }
  }
  return found ? sum / 1e6 : undefined
}

function groupOf(pid: number): number | undefined {
  const text = textOf(`/proc/${pid}/stat`)
  // The name before it is in brackets and may hold anything.
  return text === undefined ? undefined : Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[2])
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder).map(Number).filter((number) => Number.isInteger(number))
  } catch {
    return []
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
