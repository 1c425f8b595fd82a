import type { Throttling } from '../../runtime/processes/index.ts'
import type { GeneratorWork } from './watch.ts'

/** Observations of a load process after a closed-model run. */
export interface GeneratorFacts {
  work: GeneratorWork
  /** 99th percentile over all answered requests; 0 when there were none. */
  latencyP99Ms: number
  /** Requests this machine could not make, by error code. */
  own: Record<string, number>
}

const limits = {
  /** A full core, except for what the kernel uses. */
  fullCpu: 0.95,
  /** Its own delay is most of what it measured. */
  delayShare: 0.5,
  overloadedDelayMs: 10,
  /** Of the wall time, more than this the thread could have run and had no core to run on. */
  starved: 0.5,
  starvedDelayMs: 50,
  /**
   * A p95 shows stops in one period of twenty. Shorter ones than a twentieth of the time are bursts at the
   * end of a period.
   */
  throttled: 0.05,
} as const

/**
 * Why the generator, not the target, was the limit of a closed-model run; empty when it was not.
 *
 * Being busy is no reason. Closed connections send as soon as they have an answer, so a fast target keeps the
 * one thread of the generator at work all the time: then the throughput is a lower bound of the target's
 * (`throughputIsLowerBound`), and the latencies are still the target's. A slow target leaves the generator
 * idle, whatever its latencies are.
 *
 * - *overloaded*: at the limit of its core (which noise cannot cause, for it takes CPU away), with latencies
 *   that are mostly its own delay: answers that have arrived and wait for their turn. The 99th percentile of
 *   the event loop's delay is compared with that of the latencies, and both must be large enough for a budget
 *   to notice. Typical of hundreds of connections.
 * - *throttled*: a CPU quota stopped it, and whatever shares the quota, again and again. Then latencies are
 *   those of the quota: at 30 % of a core, they failed a fast service.
 * - *starved*: most of the time it could have run and had no core (a CPU quota, a machine crowded by others),
 *   in stalls that are long. Then the throughput is the quota's, whatever the latencies. Two cores shared
 *   with the target, its database and other people's builds, at a load average of 20, were seen to starve it
 *   55 % of the time in stalls of 35 ms: the target was starved as much, so it is noise, and passes.
 */
export function saturationReasons({ work, latencyP99Ms, own }: GeneratorFacts): string[] {
  return [
    ...Object.entries(own).map(([code, count]) => describeLocalFailure(code, count)),
    ...findCpuReasons(work, latencyP99Ms),
  ]
}

/** The throughput is the generator's limit; the target can do at least that. */
export function throughputIsLowerBound({ cpuRatio }: GeneratorWork): boolean {
  return cpuRatio >= limits.fullCpu
}

/** Why a CPU quota made a measurement invalid; undefined when it did not. For every engine. */
export function findThrottlingReason(throttling: Throttling | undefined): string | undefined {
  if (throttling === undefined) return undefined
  const { quotaCores, periodsRatio, stoppedRatio } = throttling
  if (periodsRatio <= limits.throttled || stoppedRatio <= limits.throttled) return undefined
  return (
    `the load generator was starved of CPU: its quota of ${Number(quotaCores.toPrecision(3))} cores ` +
    `was used up in ${formatPercent(periodsRatio)} of the periods (cpu.stat), and it was stopped ` +
    `${formatPercent(stoppedRatio)} of the time; raise the quota (in Kubernetes limits.cpu), or lower ` +
    'the load'
  )
}

function findCpuReasons(
  { cpuRatio, starvedRatio, eventLoopP99Ms, throttling }: GeneratorWork,
  latencyP99Ms: number,
): string[] {
  const throttled = findThrottlingReason(throttling)
  if (throttled !== undefined) return [throttled]
  const delayed =
    Math.min(eventLoopP99Ms, latencyP99Ms) >= limits.overloadedDelayMs &&
    eventLoopP99Ms >= latencyP99Ms * limits.delayShare
  if (cpuRatio >= limits.fullCpu && delayed) {
    return [
      `the load generator was overloaded: it used ${formatPercent(cpuRatio)} of its core, and its ` +
        `own delay of ${formatMs(eventLoopP99Ms)} (p99) is in the latencies it measured (p99 ` +
        `${formatMs(latencyP99Ms)}); use fewer connections`,
    ]
  }
  if (starvedRatio > limits.starved && eventLoopP99Ms >= limits.starvedDelayMs) {
    return [
      'the load generator was starved of CPU: it could have run and had no core ' +
        `${formatPercent(starvedRatio)} of the time, and stood still for up to ` +
        `${formatMs(eventLoopP99Ms)} (p99); free a core for it, or raise its CPU quota`,
    ]
  }
  return []
}

function describeLocalFailure(code: string, count: number): string {
  return (
    `the load generator could not make ${count} ${count === 1 ? 'request' : 'requests'} (${code}): ` +
    (remedies[code] ?? 'this machine lacks what they need')
  )
}

const remedies: Record<string, string> = {
  EMFILE: 'no file descriptor was left to it; raise `ulimit -n` or use fewer connections',
  ENFILE: 'no file descriptor was left on this machine; raise fs.file-max or use fewer connections',
  EADDRNOTAVAIL:
    'no local port was left on this machine; the target closes connections, or ' +
    'net.ipv4.ip_local_port_range is too small',
}

function formatPercent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`
}

function formatMs(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}
