import { quantile } from '../../../record/index.ts'
import type { Histogram } from '../../../record/index.ts'
import { tickMs } from './k6-runtime/wire.ts'
import type { CpuWork } from './cpu.ts'
import type { ClientLimit } from './k6-runtime/wire.ts'

/** What is known of how k6 fared, from which it is decided whether it or the target was the limit. */
export interface GeneratorFacts {
  /** Undefined where the system does not tell. */
  cpu: CpuWork | undefined
  /** How late k6 came to the ticks of its clock; empty when it had none. */
  lateness: Histogram
  /** How long each request waited, for its answer or its time limit, to hold the lateness against. */
  waits: Histogram
  /** Share (0..1) of requests that failed in ways no lateness can cause: refused, answered with an error. */
  refusedShare: number
  /** How long each iteration kept a virtual user. */
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
  /** Requests that this machine could not make. */
  limits: Record<ClientLimit, number>
}

const cpuLimit = 0.9
const cpuLimitShared = 0.4
const exhausted = 0.05
/** Less is what shared machines have, and leaves a budget of half a second to be judged. */
const harmlessLatenessMs = 200
/** From here on what k6 was late by may be a good part of the latencies it measured. */
const latenessShare = 0.25
/** With more the target has failed, whatever its latencies were. */
const harmlessRefusals = 0.01
const offeredLeast = 0.98

/**
 * Why the generator was the limit, in words for the report; empty when it was not.
 *
 * A killed or slow target never shows here: it makes k6 wait, which costs no CPU, delays no clock and leaves every
 * arrival either begun or dropped. Dropped arrivals are the target's failure when virtual users ran out because it was
 * slow, and ours when they ran out although it was fast: see `heldBySlowTarget`.
 */
export function saturationOf(facts: GeneratorFacts): string[] {
  return [
    limitReason(facts),
    cpuReason(facts),
    latenessReason(facts) ?? usersReason(facts),
    offerReason(facts),
  ].filter((reason) => reason !== undefined)
}

function limitReason({ limits }: GeneratorFacts): string | undefined {
  if (limits.files > 0)
    return `k6 had no file descriptor left for ${limits.files} requests: raise the limit (ulimit -n), or lower the rate`
  if (limits.ports > 0)
    return `k6 had no local port left for ${limits.ports} requests: widen net.ipv4.ip_local_port_range, or lower the rate`
  return undefined
}

/** Alone at its limit; or, with arrivals dropped, a good part of what used up the machine's CPU: the target might have had it. */
function cpuReason({ cpu, dropped }: GeneratorFacts): string | undefined {
  if (cpu === undefined) return undefined
  const { cpuRatio, machineIdle } = cpu
  if (cpuRatio >= cpuLimit)
    return `k6 used ${percent(cpuRatio)} of the CPU it may use: give it more, or lower the rate`
  if (dropped === 0 || cpuRatio < cpuLimitShared || machineIdle > exhausted) return undefined
  return `k6 used ${percent(cpuRatio)} of this machine's CPU, of which nothing was left, and dropped ${dropped} arrivals: lower the rate, or run the target elsewhere`
}

function latenessReason({ lateness, waits, refusedShare }: GeneratorFacts): string | undefined {
  const lateMs = latenessP95(lateness)
  const p95Ms = quantile(waits, 0.95)
  // Held against the latencies, since what counts is whether they are k6's own doing. NaN, of no sample, is no reason.
  if (!(lateMs > harmlessLatenessMs) || lateMs < p95Ms * latenessShare || refusedShare > harmlessRefusals)
    return undefined
  return starved(lateMs)
}

/**
 * The lateness that a request meets with a chance of 5 %. Weighted by time: one stop of a second is one late tick among
 * many punctual ones, but all that was due in that second met it.
 */
export function latenessP95(lateness: Histogram): number {
  return quantile(
    lateness.map(([lateMs, count]) => [lateMs, count * (tickMs + Math.max(0, lateMs))]),
    0.95,
  )
}

function starved(lateMs: number): string {
  return `k6 was starved of CPU: it came ${Math.round(lateMs)} ms late to what was due; other processes or a quota keep it from running`
}

function offerReason({ arrivals, expectedArrivals, durationMs }: GeneratorFacts): string | undefined {
  if (expectedArrivals === undefined || arrivals >= Math.floor(expectedArrivals * offeredLeast) - 1)
    return undefined
  const perSecond = (count: number): string => (count / (durationMs / 1000)).toFixed(1)
  return `k6 could not keep up with the rate: it began ${perSecond(arrivals)} journeys/s of ${perSecond(expectedArrivals)}; lower the rate`
}

function usersReason(facts: GeneratorFacts): string | undefined {
  if (facts.dropped === 0) return undefined
  const stoppedMs = stopsOf(facts.lateness)
  if (stoppedMs >= droppedForMs(facts)) return starved(quantile(facts.lateness, 1))
  if (heldBySlowTarget(facts)) return undefined
  return `k6 dropped ${facts.dropped} arrivals: its ${facts.users} virtual users were all busy although the target answered fast; lower the rate, or give k6 more memory`
}

/** For how long k6 stood still, in stops long enough to matter. What was due meanwhile comes all at once afterwards. */
function stopsOf(lateness: Histogram): number {
  return lateness.reduce(
    (sum, [lateMs, count]) => (lateMs >= harmlessLatenessMs ? sum + lateMs * count : sum),
    0,
  )
}

/** In which time as many arrivals come as were dropped. */
function droppedForMs({
  dropped,
  arrivals,
  durationMs,
}: Pick<GeneratorFacts, 'dropped' | 'arrivals' | 'durationMs'>): number {
  return arrivals === 0 ? 0 : (dropped * durationMs) / arrivals
}

/**
 * Whether a slow target explains the dropped arrivals. With arrivals at rate R, D of them are dropped in D/R of time, in
 * which all U virtual users are busy: U·D/R of their time. If iterations that waited long for the target make up at
 * least half of that time, it was the target that had them.
 */
function heldBySlowTarget(facts: GeneratorFacts): boolean {
  const heldMs = facts.iterations.reduce(
    (sum, [ms, count]) => (ms >= facts.slowIterationMs ? sum + ms * count : sum),
    0,
  )
  return heldMs >= 0.5 * facts.users * droppedForMs(facts)
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`
}
