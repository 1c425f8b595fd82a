import { countOf, mergeHistograms } from '../../../record/index.ts'
import type { Failure, TimelinePoint } from '../../../record/index.ts'
import type { EndpointMeasurement, Measurement } from '../../engine.ts'
import { findSaturation, latenessP95, slowAnswerMs } from './generator.ts'
import type { GeneratorFacts } from './generator.ts'
import { requestFailureClasses } from './k6-runtime/metrics.ts'
import type { RequestFailureClass } from './k6-runtime/metrics.ts'
import type { LoadScriptPlan } from './k6-runtime/wire.ts'
import { largeBodyProblem } from './k6-runtime/answer.ts'
import { largeBodiesReason } from './memory.ts'
import type { CollectedMessages, FirstFailure } from './messages.ts'
import type { RunCounts } from './summary.ts'
import type { ShardAccount } from '../../shards/shards.ts'
import type { CpuWork } from './watch.ts'

/** What was observed of a run from outside of k6. */
export interface Observed {
  startedAt: string
  /** Measured time: the plan's, or until the interrupt. */
  durationMs: number
  interrupted: boolean
  timeline: TimelinePoint[]
  firstDroppedMs: number | undefined
  cpu: CpuWork | undefined
}

type FirstFailures = Pick<CollectedMessages, 'firstFailure'>

/**
 * Builds the measurement of a run. It has every step of the mix; one that was never reached has no requests.
 */
export function toMeasurement(
  plan: LoadScriptPlan,
  counts: RunCounts,
  messages: FirstFailures,
  observed: Observed,
): Measurement {
  const { durationMs, interrupted } = observed
  const endpoints = Object.fromEntries(
    plan.steps.map((step, index) => [step, toEndpoint(counts.steps[index])]),
  )
  const { lateness, iterations, users } = counts
  const dropped = countDroppedWhileMeasured(plan, counts)
  const arrivals = countOf(iterations) + dropped
  const failures = toFailures(plan, counts, messages)
  return {
    startedAt: observed.startedAt,
    durationMs,
    endpoints,
    connections: counts.connections,
    droppedArrivals: dropped,
    failures: [...failures, ...toDroppedFailure(dropped, users, observed.firstDroppedMs)],
    timeline: observed.timeline,
    generator: {
      ...observed.cpu,
      ...(durationMs > 0 && { offeredRps: arrivals / (durationMs / 1000) }),
      ...(lateness.length > 0 && { latenessP95Ms: latenessP95(lateness) }),
      virtualUsersMax: users,
    },
    // An interrupted run does not show what the limit was.
    saturation: interrupted
      ? []
      : nameLargeBodies(failures, {
          ...toFacts(plan, counts),
          cpu: observed.cpu,
          waits: mergeHistograms([
            ...Object.values(endpoints).map(({ histogram }) => histogram),
            [[plan.requestTimeoutMs, countFailed(counts, 'timeout')]],
          ]),
          durationMs,
        }),
    interrupted,
  }
}

/** What the counts alone show of the generator. */
function toFacts(plan: LoadScriptPlan, counts: RunCounts): Omit<GeneratorFacts, 'cpu' | 'waits'> {
  const { lateness, iterations, limits, users } = counts
  const dropped = countDroppedWhileMeasured(plan, counts)
  return {
    lateness,
    refusedShare: shareRefused(counts),
    iterations,
    slowIterationMs: countStepsOfLongest(plan) * slowAnswerMs,
    expectedArrivals: (ratePerSecondOf(plan) * plan.durationMs) / 1000,
    arrivals: countOf(iterations) + dropped,
    dropped,
    users,
    durationMs: plan.durationMs,
    limits,
  }
}

/**
 * Why one shard was the limit: among a hundred it would not show in what all of them counted. The waits of
 * its journeys stand for those of their requests.
 */
export function findShardSaturation(plan: LoadScriptPlan, counts: RunCounts): string[] {
  return findSaturation({ ...toFacts(plan, counts), cpu: undefined, waits: counts.iterations })
}

/** Why k6 was the limit; first the bodies that it read, if they were too large, since those cost the rest. */
function nameLargeBodies(failures: readonly Failure[], facts: GeneratorFacts): string[] {
  const reasons = findSaturation(facts)
  const isLarge = failures.some(({ example }) => example?.startsWith(largeBodyProblem) === true)
  return reasons.length > 0 && isLarge ? [largeBodiesReason, ...reasons] : reasons
}

/** A shard makes its part of the rate. */
function ratePerSecondOf({ ratePerSecond, shard }: LoadScriptPlan): number {
  return ratePerSecond / (shard?.of ?? 1)
}

/**
 * The journeys of one k6, from counts that are independent of each other: k6 counts those that were to begin,
 * our script the requests of each step. A journey begins with its first step and ends with the first request
 * that fails.
 */
export function toAccount(plan: LoadScriptPlan, counts: RunCounts): ShardAccount {
  const dropped = countDroppedWhileMeasured(plan, counts)
  const firsts = new Set(
    plan.journeys.map((journey) => plan.steps.findIndex((step) => step.startsWith(`${journey}/`))),
  )
  const begun = counts.steps.reduce((sum, { requests }, step) => sum + (firsts.has(step) ? requests : 0), 0)
  const failed = counts.steps.reduce((sum, { errors }) => sum + errors, 0)
  return { offered: countOf(counts.iterations) + dropped, answered: begun - failed, failed, dropped }
}

const emptyEndpoint: EndpointMeasurement = { requests: 0, errors: 0, histogram: [], latencySumMs: 0 }

/** The measurement of a run that was interrupted before it measured anything. */
export function emptyMeasurement(
  steps: readonly string[],
  startedAt: string,
  durationMs: number,
  timeline: TimelinePoint[],
): Measurement {
  return {
    startedAt,
    durationMs,
    endpoints: Object.fromEntries(steps.map((step) => [step, emptyEndpoint])),
    droppedArrivals: 0,
    failures: [],
    timeline,
    generator: {},
    saturation: [],
    interrupted: true,
  }
}

/**
 * k6 counts dropped arrivals without reporting when. Those of the warm-up are the ones that were due in it
 * and did not begin, give or take the few that were due just before its end and began just after.
 */
function countDroppedWhileMeasured(plan: LoadScriptPlan, { dropped, warmups }: RunCounts): number {
  const dueInWarmup = Math.ceil((ratePerSecondOf(plan) * plan.warmupMs) / 1000)
  return dropped - Math.min(dropped, Math.max(0, dueInWarmup - warmups))
}

function countFailed({ steps }: RunCounts, failure: RequestFailureClass): number {
  return steps.reduce((sum, { failed }) => sum + (failed[failure] ?? 0), 0)
}

function shareRefused(counts: RunCounts): number {
  const requests = counts.steps.reduce((sum, step) => sum + step.requests, 0)
  const unsent = counts.limits.files + counts.limits.ports
  const refused = requestFailureClasses.reduce(
    (sum, failure) => (failure === 'timeout' ? sum : sum + countFailed(counts, failure)),
    0,
  )
  return requests === 0 ? 0 : Math.max(0, refused - unsent) / requests
}

// Steps are listed journey by journey.
function countStepsOfLongest({ steps, journeys }: LoadScriptPlan): number {
  const counts = journeys.map((journey) => steps.filter((step) => step.startsWith(`${journey}/`)).length)
  return Math.max(1, ...counts)
}

function toEndpoint(counts: RunCounts['steps'][number] | undefined): EndpointMeasurement {
  if (counts === undefined) return emptyEndpoint
  const { failed: _failed, ...endpoint } = counts
  return endpoint
}

function toFailures(plan: LoadScriptPlan, counts: RunCounts, messages: FirstFailures): Failure[] {
  return counts.steps.flatMap(({ failed }, step) =>
    requestFailureClasses.flatMap((failure): Failure[] => {
      const count = failed[failure] ?? 0
      if (count === 0) return []
      const first = messages.firstFailure(step, failure)
      return [
        {
          step: plan.steps[step] ?? null,
          class: failure,
          count,
          ...(first && toFirstDetails(first)),
        },
      ]
    }),
  )
}

function toFirstDetails({ atMs, ...details }: FirstFailure): Partial<Failure> {
  return { firstAtMs: atMs, ...details }
}

function toDroppedFailure(dropped: number, users: number, firstDroppedMs: number | undefined): Failure[] {
  if (dropped === 0) return []
  const example = `no virtual user was free: all ${users} were waiting for answers`
  const first = firstDroppedMs === undefined ? {} : { firstAtMs: firstDroppedMs }
  return [{ step: null, class: 'dropped', count: dropped, ...first, example }]
}
