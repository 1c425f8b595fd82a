import { mergeHistograms } from '../../../record/index.ts'
import type { Failure, TimelinePoint } from '../../../record/index.ts'
import type { EndpointMeasurement, Measurement } from '../../engine.ts'
import { findSaturation, latenessP95, slowAnswerMs } from './generator.ts'
import type { GeneratorFacts } from './generator.ts'
import { requestFailureClasses } from './k6-runtime/metrics.ts'
import type { RequestFailureClass, ScriptSummary, SummaryStep } from './k6-runtime/metrics.ts'
import type { LoadScriptPlan } from './k6-runtime/wire.ts'
import { largeBodyProblem } from './k6-runtime/answer.ts'
import { largeBodiesReason } from './memory.ts'
import type { CollectedMessages, FirstFailure } from './messages.ts'
import { countErrors, countRequests, toHistogram } from './summary.ts'
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
  summary: ScriptSummary,
  messages: FirstFailures,
  observed: Observed,
): Measurement {
  const { durationMs, interrupted } = observed
  const endpoints = Object.fromEntries(
    plan.steps.map((step, index) => [step, toEndpoint(summary.steps[index])]),
  )
  const lateness = toHistogram(summary.lateness)
  const dropped = countDroppedWhileMeasured(plan, summary)
  const arrivals = (summary.iterations?.count ?? 0) + dropped
  const failures = toFailures(plan, summary, messages)
  return {
    startedAt: observed.startedAt,
    durationMs,
    endpoints,
    connections: toConnections(summary),
    droppedArrivals: dropped,
    failures: [...failures, ...toDroppedFailure(dropped, summary.users, observed.firstDroppedMs)],
    timeline: observed.timeline,
    generator: {
      ...observed.cpu,
      ...(durationMs > 0 && { offeredRps: arrivals / (durationMs / 1000) }),
      ...(lateness.length > 0 && { latenessP95Ms: latenessP95(lateness) }),
      virtualUsersMax: summary.users,
    },
    // An interrupted run does not show what the limit was.
    saturation: interrupted
      ? []
      : nameLargeBodies(failures, {
          cpu: observed.cpu,
          lateness,
          waits: mergeHistograms([
            ...Object.values(endpoints).map(({ histogram }) => histogram),
            [[plan.requestTimeoutMs, countFailed(summary, 'timeout')]],
          ]),
          refusedShare: shareRefused(summary),
          iterations: toHistogram(summary.iterations),
          slowIterationMs: countStepsOfLongest(plan) * slowAnswerMs,
          expectedArrivals: (plan.ratePerSecond * plan.durationMs) / 1000,
          arrivals,
          dropped,
          users: summary.users,
          durationMs,
          limits: summary.limits,
        }),
    interrupted,
  }
}

/** Why k6 was the limit; first the bodies that it read, if they were too large, since those cost the rest. */
function nameLargeBodies(failures: readonly Failure[], facts: GeneratorFacts): string[] {
  const reasons = findSaturation(facts)
  const isLarge = failures.some(({ example }) => example?.startsWith(largeBodyProblem) === true)
  return reasons.length > 0 && isLarge ? [largeBodiesReason, ...reasons] : reasons
}

function toConnections({ connecting }: ScriptSummary): Measurement['connections'] & object {
  return {
    histogram: toHistogram(connecting),
    timeSumMs: connecting === null ? 0 : connecting.avg * connecting.count,
  }
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
function countDroppedWhileMeasured(plan: LoadScriptPlan, { dropped, warmups }: ScriptSummary): number {
  const dueInWarmup = Math.ceil((plan.ratePerSecond * plan.warmupMs) / 1000)
  return dropped - Math.min(dropped, Math.max(0, dueInWarmup - warmups))
}

function countFailed({ steps }: ScriptSummary, failure: RequestFailureClass): number {
  return steps.reduce((sum, { failed }) => sum + (failed[failure] ?? 0), 0)
}

function shareRefused(summary: ScriptSummary): number {
  const requests = summary.steps.reduce((sum, step) => sum + countRequests(step), 0)
  const unsent = summary.limits.files + summary.limits.ports
  const refused = requestFailureClasses.reduce(
    (sum, failure) => (failure === 'timeout' ? sum : sum + countFailed(summary, failure)),
    0,
  )
  return requests === 0 ? 0 : Math.max(0, refused - unsent) / requests
}

// Steps are listed journey by journey.
function countStepsOfLongest({ steps, journeys }: LoadScriptPlan): number {
  const counts = journeys.map((journey) => steps.filter((step) => step.startsWith(`${journey}/`)).length)
  return Math.max(1, ...counts)
}

function toEndpoint(counts: SummaryStep | undefined): EndpointMeasurement {
  if (counts === undefined) return emptyEndpoint
  const { latency } = counts
  return {
    requests: countRequests(counts),
    errors: countErrors(counts),
    histogram: toHistogram(latency),
    latencySumMs: latency === null ? 0 : latency.avg * latency.count,
  }
}

function toFailures(plan: LoadScriptPlan, summary: ScriptSummary, messages: FirstFailures): Failure[] {
  return summary.steps.flatMap(({ failed }, step) =>
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
