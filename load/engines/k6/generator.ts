import { quantile } from '../../../record/index.ts'
import type { Histogram } from '../../../record/index.ts'
import type { Journey } from '../../../journeys/index.ts'
import { tickMs } from './k6-runtime/wire.ts'
import { findThrottlingReason } from '../../generator/saturation.ts'
import type { CpuWork } from './watch.ts'
import type { ClientLimit } from './k6-runtime/metrics.ts'

/*
 * k6 as a load generator: how many virtual users it gets, and whether it or the target was the limit of a
 * run.
 */

/** How many virtual users k6 has, and as how many different users they act. */
export interface UserCounts {
  /** Created before the load begins. */
  preAllocated: number
  /** k6 creates more while the load runs, up to this number, when all others are waiting. */
  maxUsers: number
  /** Different users; each runs the `before` steps once. */
  users: number
}

/**
 * Memory that k6 uses for one virtual user, measured with journeys of a few steps: its own JavaScript runtime
 * and connections.
 */
const bytesPerUser = 500_000
const memoryShare = 0.25
const maxVirtualUsers = 400
const minVirtualUsers = 10
const readyForMs = 500
/**
 * Logins are slow by design; this many different users keep the target from answering all requests from one
 * cache entry.
 */
const maxPreparedUsers = 50

/** A virtual user that waits longer than this for an answer is waiting for the target, not for k6. */
export const slowAnswerMs = 100

/**
 * The virtual users for a rate. By Little's law `rate × duration of a journey` of them are busy at the same
 * time.
 *
 * - `preAllocated` suffice for half a second a request, which is where budgets are: k6 drops an arrival for
 *   each user that it creates while it runs, so a target within its budgets must not need more.
 * - `maxUsers` suffice for every request to take a second and one of them to reach its time limit. More would
 *   show nothing new: a target that slow has failed, and its dropped arrivals are counted.
 * - Memory bounds both, at a quarter of what is free; so do 400, beyond which virtual users slow each other
 *   down: with 1,000 k6 made less load than with 50, on two cores.
 */
export function countVirtualUsers(facts: {
  ratePerSecond: number
  requestTimeoutMs: number
  journeys: readonly Journey[]
  freeBytes: number
  /** How many k6 share the load and this machine; missing: one. */
  processes?: number | undefined
}): UserCounts {
  const steps = Math.max(1, ...facts.journeys.map((journey) => journey.steps.length))
  const least = minVirtualUsers * (facts.processes ?? 1)
  const affordable = Math.max(
    least,
    Math.min(maxVirtualUsers, Math.floor((facts.freeBytes * memoryShare) / bytesPerUser)),
  )
  const busyFor = (ms: number): number => Math.ceil((facts.ratePerSecond * ms) / 1000)
  const maxUsers = clamp(busyFor(steps * 1000 + facts.requestTimeoutMs), least, affordable)
  const preAllocated = clamp(busyFor(steps * readyForMs), least, maxUsers)
  const hasBefore = facts.journeys.some((journey) => journey.before?.length)
  return {
    preAllocated,
    maxUsers,
    users: hasBefore
      ? clamp(busyFor(steps * slowAnswerMs), 1, Math.min(maxPreparedUsers, maxUsers))
      : maxUsers,
  }
}

function clamp(value: number, from: number, to: number): number {
  return Math.min(to, Math.max(from, value))
}

/** What is known of k6's own work, from which it is decided whether it or the target was the limit. */
export interface GeneratorFacts {
  /** Undefined where the system does not report it. */
  cpu: CpuWork | undefined
  /** By how much k6 missed the ticks of its clock; empty when it had none. */
  lateness: Histogram
  /** How long each request waited for its answer or its time limit; the lateness is compared with it. */
  waits: Histogram
  /**
   * Share (0..1) of requests that failed in ways that lateness cannot cause: refused, answered with an error.
   */
  refusedShare: number
  /** How long each iteration kept a virtual user busy. */
  iterations: Histogram
  /** Iterations of this length and longer were waiting for a slow target. */
  slowIterationMs: number
  /** Iterations that k6 should have begun, dropped ones included; undefined when a user's script decides. */
  expectedArrivals: number | undefined
  arrivals: number
  dropped: number
  /** Most virtual users that k6 had. */
  users: number
  durationMs: number
  /** Requests that this machine had no resources for. */
  limits: Record<ClientLimit, number>
}

const cpuLimit = 0.9
const cpuLimitShared = 0.4
const exhaustedIdle = 0.05
/** Shared machines are late by less, and a budget of half a second can still be judged. */
const harmlessLatenessMs = 200
/** From this share of the latencies on, k6's lateness may be a good part of what it measured. */
const latenessShare = 0.25
/** With a larger share the target has failed, whatever its latencies were. */
const harmlessRefusals = 0.01
const minOfferedShare = 0.98

/**
 * Why the generator was the limit, for the report; empty when it was not.
 *
 * A killed or slow target never causes one of these reasons: it makes k6 wait, which costs no CPU, delays no
 * clock and leaves every arrival either begun or dropped. Dropped arrivals are the target's failure when
 * virtual users ran out because it was slow, and k6's when they ran out although it was fast: see
 * `isHeldBySlowTarget`.
 */
export function findSaturation(facts: GeneratorFacts): string[] {
  return [
    limitReason(facts),
    cpuReason(facts),
    latenessReason(facts) ?? usersReason(facts),
    offerReason(facts),
  ].filter((reason) => reason !== undefined)
}

function limitReason({ limits }: GeneratorFacts): string | undefined {
  if (limits.files > 0)
    return (
      `k6 had no file descriptor left for ${limits.files} requests: ` +
      'raise the limit (ulimit -n), or lower the rate'
    )
  if (limits.ports > 0)
    return (
      `k6 had no local port left for ${limits.ports} requests: ` +
      'widen net.ipv4.ip_local_port_range, or lower the rate'
    )
  return undefined
}

/**
 * Either k6 alone at its limit; or, with arrivals dropped, a good part of what exhausted the machine's CPU,
 * which the target lacked.
 */
function cpuReason({ cpu, dropped }: GeneratorFacts): string | undefined {
  if (cpu === undefined) return undefined
  const { cpuRatio, machineIdle, throttling } = cpu
  const throttled = findThrottlingReason(throttling)
  if (throttled !== undefined) return throttled
  if (cpuRatio >= cpuLimit)
    return `k6 used ${toPercent(cpuRatio)} of the CPU it may use: give it more CPU, or lower the rate`
  if (dropped === 0 || cpuRatio < cpuLimitShared || machineIdle > exhaustedIdle) return undefined
  return (
    `k6 used ${toPercent(cpuRatio)} of this machine's CPU, which was fully used, ` +
    `and dropped ${dropped} arrivals: lower the rate, or run the target on another machine`
  )
}

function latenessReason({ lateness, waits, refusedShare }: GeneratorFacts): string | undefined {
  const lateMs = latenessP95(lateness)
  const p95Ms = quantile(waits, 0.95)
  // Compared with the latencies: what counts is whether k6 itself caused them. NaN, of no sample, is no
  // reason.
  if (!(lateMs > harmlessLatenessMs) || lateMs < p95Ms * latenessShare || refusedShare > harmlessRefusals)
    return undefined
  return describeStarvation(lateMs)
}

/**
 * The lateness that a request meets with a chance of 5 %. Weighted by time: one stop of a second is one late
 * tick among many punctual ones, but everything due in that second met it.
 */
export function latenessP95(lateness: Histogram): number {
  return quantile(
    lateness.map(([lateMs, count]) => [lateMs, count * (tickMs + Math.max(0, lateMs))]),
    0.95,
  )
}

function describeStarvation(lateMs: number): string {
  return (
    `k6 was starved of CPU: its clock was ${Math.round(lateMs)} ms late; ` +
    'other processes or a CPU quota keep it from running: stop them, raise the quota, or lower the rate'
  )
}

function offerReason({ arrivals, expectedArrivals, durationMs }: GeneratorFacts): string | undefined {
  if (expectedArrivals === undefined || arrivals >= Math.floor(expectedArrivals * minOfferedShare) - 1)
    return undefined
  const perSecond = (count: number): string => (count / (durationMs / 1000)).toFixed(1)
  return (
    'k6 could not keep up with the rate: ' +
    `it began ${perSecond(arrivals)} of ${perSecond(expectedArrivals)} journeys/s; lower the rate`
  )
}

function usersReason(facts: GeneratorFacts): string | undefined {
  if (facts.dropped === 0) return undefined
  const stoppedMs = totalStopMs(facts.lateness)
  if (stoppedMs >= droppedForMs(facts)) return describeStarvation(quantile(facts.lateness, 1))
  if (isHeldBySlowTarget(facts)) return undefined
  return (
    `k6 dropped ${facts.dropped} arrivals: all of its ${facts.users} virtual users were busy ` +
    'although the target answered quickly; lower the rate, or give k6 more memory'
  )
}

/**
 * For how long k6 stood still, in stops long enough to matter. Everything due meanwhile comes together
 * afterwards.
 */
function totalStopMs(lateness: Histogram): number {
  return lateness.reduce(
    (sum, [lateMs, count]) => (lateMs >= harmlessLatenessMs ? sum + lateMs * count : sum),
    0,
  )
}

/** The time in which as many arrivals come as were dropped. */
function droppedForMs({
  dropped,
  arrivals,
  durationMs,
}: Pick<GeneratorFacts, 'dropped' | 'arrivals' | 'durationMs'>): number {
  return arrivals === 0 ? 0 : (dropped * durationMs) / arrivals
}

/**
 * Whether a slow target explains the dropped arrivals. With arrivals at rate R, D of them are dropped in D/R
 * of time, in which all U virtual users are busy: U·D/R of their time. If iterations that waited long for the
 * target make up at least half of that time, the target kept them busy.
 */
function isHeldBySlowTarget(facts: GeneratorFacts): boolean {
  const heldMs = facts.iterations.reduce(
    (sum, [ms, count]) => (ms >= facts.slowIterationMs ? sum + ms * count : sum),
    0,
  )
  return heldMs >= 0.5 * facts.users * droppedForMs(facts)
}

function toPercent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`
}
