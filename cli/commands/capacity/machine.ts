import { cpus } from 'node:os'

const local = new Set(['127.0.0.1', '[::1]', 'localhost'])

/** Begins to watch how busy all cores of this machine are; the returned function ends it with the ratio. Undefined for a target elsewhere. */
export function machineLoad(targetUrl: string): () => number | undefined {
  if (!local.has(new URL(targetUrl).hostname)) return () => undefined
  const before = cpuTimes()
  return () => {
    const after = cpuTimes()
    const all = after.all - before.all
    return all <= 0 ? undefined : 1 - (after.idle - before.idle) / all
  }
}

function cpuTimes(): { idle: number; all: number } {
  const times = cpus().map((cpu) => cpu.times)
  return {
    idle: times.reduce((sum, { idle }) => sum + idle, 0),
    all: times.reduce((sum, { idle, irq, nice, sys, user }) => sum + idle + irq + nice + sys + user, 0),
  }
}
