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

/** What a thread shows of itself. Times in milliseconds, since any moment. */
export interface ThreadView {
  nowMs: () => number
  cpuMs: () => number
  /** How long it waited for a core; undefined where the system does not report it. */
  waitedMs: () => number | undefined
  /** Watches the event loop; returns how much of the time since then it was busy, and how late it came. */
  watchLoop: () => () => { busyRatio: number; p99Ms: number }
  watchThrottling: () => () => Throttling | undefined
}

const callingThread: ThreadView = {
  nowMs: () => performance.now(),
  cpuMs: () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  },
  waitedMs: readRunQueueWaitMs,
  watchLoop: () => {
    const loop = performance.eventLoopUtilization()
    const delay = monitorEventLoopDelay({ resolution: resolutionMs })
    delay.enable()
    return () => {
      delay.disable()
      return {
        busyRatio: performance.eventLoopUtilization(loop).utilization,
        p99Ms: delay.count === 0 ? 0 : delay.percentile(99) / 1e6,
      }
    }
  },
  watchThrottling: () => watchThrottling(process.pid, () => performance.now()),
}

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
export function watchGenerator(thread: ThreadView = callingThread): () => GeneratorWork {
  const [beganAt, cpuMs, waited] = [thread.nowMs(), thread.cpuMs(), thread.waitedMs()]
  const [endLoop, endThrottling] = [thread.watchLoop(), thread.watchThrottling()]
  return () => {
    const loop = endLoop()
    const wallMs = thread.nowMs() - beganAt
    const cpuRatio = toRatio(thread.cpuMs() - cpuMs, wallMs)
    const waitedNow = thread.waitedMs()
    const throttling = endThrottling()
    const busyRatio = toRatio(loop.busyRatio, 1)
    return {
      cpuRatio,
      busyRatio,
      starvedRatio:
        waited === undefined || waitedNow === undefined
          ? toRatio(Math.max(0, busyRatio - cpuRatio), 1)
          : toRatio(waitedNow - waited, wallMs),
      // Node reports the whole interval between two ticks; what is beyond the interval asked for is the
      // delay.
      eventLoopP99Ms: Math.max(0, Math.round((loop.p99Ms - resolutionMs) * 1000) / 1000),
      ...(throttling && { throttling }),
    }
  }
}

function toRatio(part: number, whole: number): number {
  return whole > 0 ? Math.round((part / whole) * 1000) / 1000 : 0
}
