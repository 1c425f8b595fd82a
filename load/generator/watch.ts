import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { readRunQueueWaitMs, watchThrottling } from '../../runtime/processes/index.ts'
import type { Throttling } from '../../runtime/processes/index.ts'

/** How hard a load process worked over a stretch of time. Ratios 0..1 of the wall time. */
export interface GeneratorWork {
  /** CPU time of the thread that makes the load, over the one core it can use. */
  cpuRatio: number
  /** Time in which the event loop had something to do; the rest it waited for the target, or to be woken. */
  busyRatio: number
  /** Time in which the thread could have run and had no core to run on. */
  starvedRatio: number
  /** How late the event loop came to what was due, 99th percentile. */
  eventLoopP99Ms: number
  /** How a CPU quota stopped the process, where one applies. */
  throttling?: Throttling
}

const resolutionMs = 5

/**
 * Watches the calling thread from now on. To be called in the load process itself.
 *
 * CPU is the thread's, not the process's: garbage collection and compilation run on other cores and would let
 * a thread that is at its limit look like 140 %, and one at 60 % like 90 %.
 *
 * Starvation is what Linux says the thread waited on the run queue, throttling by a CPU quota included.
 * Elsewhere it is what the event loop was busy beyond the CPU time it had, which is too little: a thread that
 * is woken and not run still looks idle to itself.
 *
 * @returns call it once to end the watch and have the figures
 */
export function watchGenerator(): () => GeneratorWork {
  const beganAt = performance.now()
  const cpu = process.threadCpuUsage()
  const waited = readRunQueueWaitMs()
  const loop = performance.eventLoopUtilization()
  const throttled = watchThrottling(process.pid, () => performance.now())
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()
  return () => {
    delay.disable()
    const wallMs = performance.now() - beganAt
    const used = process.threadCpuUsage(cpu)
    const waitedNow = readRunQueueWaitMs()
    const p99Ms = delay.count === 0 ? 0 : delay.percentile(99) / 1e6
    const cpuRatio = toRatio((used.user + used.system) / 1000, wallMs)
    const throttling = throttled()
    const busyRatio = toRatio(performance.eventLoopUtilization(loop).utilization, 1)
    return {
      cpuRatio,
      busyRatio,
      starvedRatio:
        waited === undefined || waitedNow === undefined
          ? toRatio(Math.max(0, busyRatio - cpuRatio), 1)
          : toRatio(waitedNow - waited, wallMs),
      // Node reports the whole interval between two ticks; what is beyond the interval asked for is the
      // delay.
      eventLoopP99Ms: Math.max(0, Math.round((p99Ms - resolutionMs) * 1000) / 1000),
      ...(throttling && { throttling }),
    }
  }
}

function toRatio(part: number, whole: number): number {
  return whole > 0 ? Math.round((part / whole) * 1000) / 1000 : 0
}
