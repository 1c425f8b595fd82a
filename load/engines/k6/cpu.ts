import { countUsableCores, readGroupCpuSeconds, readMachineTicks } from '../../../runtime/processes/index.ts'

/** Shares, 0..1. */
export interface CpuWork {
  /** CPU time of the process group over the CPU time it could have used. */
  cpuRatio: number
  /** CPU time that the whole machine had left. */
  machineIdle: number
}

/**
 * Watches the CPU time of a process group from now on: k6, and whatever was put around it.
 *
 * @returns call it for the work since; undefined where there is no /proc, or when the group is gone
 */
export function watchCpu(group: number, nowMs: () => number): () => CpuWork | undefined {
  const beganAt = nowMs()
  const began = readGroupCpuSeconds(group)
  const machineBegan = readMachineTicks()
  return () => {
    const now = readGroupCpuSeconds(group)
    const wallSeconds = (nowMs() - beganAt) / 1000
    if (began === undefined || now === undefined || wallSeconds <= 0) return undefined
    const machine = readMachineTicks()
    const all = machine.total - machineBegan.total
    return {
      cpuRatio: thousandths((now - began) / (wallSeconds * countUsableCores(group))),
      machineIdle: all > 0 ? thousandths((machine.idle - machineBegan.idle) / all) : 1,
    }
  }
}

function thousandths(ratio: number): number {
  return Math.round(ratio * 1000) / 1000
}
