import { mergeHistograms } from '../../../record/index.ts'
import type { Failure, Generator, Histogram, TimelinePoint } from '../../../record/index.ts'
import type { EndpointMeasurement, Measurement } from '../../engine.ts'
import type { CpuWork } from './cpu.ts'
import type { Messages } from './messages.ts'
import { histogramOfTrend } from './quantiles.ts'
import { latenessP95, saturationOf } from './saturation.ts'
import { slowAnswerMs } from './sizing.ts'
import { errorsOf, requestsOf } from './summary.ts'
import { requestFailureClasses } from './k6-runtime/wire.ts'
import type { RequestFailureClass, ScriptPlan, ScriptSummary, SummaryTrend } from './k6-runtime/wire.ts'

/** What was seen of a run from outside of k6. */
export interface Observed {
  startedAt: string
  /** How long was measured: the plan's time, or until the interrupt. */
  durationMs: number
  interrupted: boolean
  timeline: TimelinePoint[]
  firstDroppedMs: number | undefined
  cpu: CpuWork | undefined
}

/** A run's summary and what was seen of it, as a measurement. Every step of the mix is in it; one never reached has no requests. */
export function measurementOf(
  plan: ScriptPlan,
  summary: ScriptSummary,
  messages: Pick<Messages, 'first'>,
  observed: Observed,
): Measurement {
  const { durationMs, interrupted } = observed
  const endpoints = Object.fromEntries(
    plan.steps.map((step, index) => [step, endpointOf(summary.steps[index])]),
  )
  const lateness = histogramOf(summary.lateness)
  const iterations = histogramOf(summary.iterations)
  const dropped = droppedWhileMeasured(plan, summary)
  const arrivals = (summary.iterations?.count ?? 0) + dropped
  const facts = {
    cpu: observed.cpu,
    lateness,
    waits: mergeHistograms([
      ...Object.values(endpoints).map(({ histogram }) => histogram),
      [[plan.requestTimeoutMs, failedBy(summary, 'timeout')]],
    ]),
    refusedShare: refusedShareOf(summary),
    iterations,
    slowIterationMs: longest(plan) * slowAnswerMs,
    expectedArrivals: (plan.ratePerSecond * plan.durationMs) / 1000,
    arrivals,
    dropped,
    users: summary.users,
    durationMs,
    limits: summary.limits,
  }
  return {
    startedAt: observed.startedAt,
    durationMs,
    endpoints,
    droppedArrivals: dropped,
    failures: [...failuresOf(plan, summary, messages), ...droppedOf(dropped, summary.users, observed)],
    timeline: observed.timeline,
    generator: generatorOf(observed.cpu, arrivals, durationMs, lateness, summary.users),
    // What an interrupt cut short says nothing about who was the limit.
    saturation: interrupted ? [] : saturationOf(facts),
    interrupted,
  }
}

/** What there is of a run that was interrupted before it measured anything. */
export function nothingMeasured(
  steps: readonly string[],
  startedAt: string,
  durationMs: number,
  timeline: TimelinePoint[],
): Measurement {
  const nothing: EndpointMeasurement = { requests: 0, errors: 0, histogram: [], latencySumMs: 0 }
  return {
    startedAt,
    durationMs,
    endpoints: Object.fromEntries(steps.map((step) => [step, nothing])),
    droppedArrivals: 0,
    failures: [],
    timeline,
    generator: {},
    saturation: [],
    interrupted: true,
  }
}

/**
 * k6 counts dropped arrivals without saying when. Those of the warm-up are the ones that were due in it and did not begin,
 * give or take the few that were due just before its end and began just after.
 */
function droppedWhileMeasured(plan: ScriptPlan, { dropped, warmups }: ScriptSummary): number {
  const dueInWarmup = Math.ceil((plan.ratePerSecond * plan.warmupMs) / 1000)
  return dropped - Math.min(dropped, Math.max(0, dueInWarmup - warmups))
}

function failedBy({ steps }: ScriptSummary, failure: RequestFailureClass): number {
  return steps.reduce((sum, { failed }) => sum + (failed[failure] ?? 0), 0)
}

function refusedShareOf(summary: ScriptSummary): number {
  const requests = summary.steps.reduce((sum, step) => sum + requestsOf(step), 0)
  const own = summary.limits.files + summary.limits.ports
  const refused = requestFailureClasses.reduce(
    (sum, failure) => (failure === 'timeout' ? sum : sum + failedBy(summary, failure)),
    0,
  )
  return requests === 0 ? 0 : Math.max(0, refused - own) / requests
}

// Steps are listed journey by journey.
function longest({ steps, journeys }: ScriptPlan): number {
  return Math.max(
    1,
    ...journeys.map((journey) => steps.filter((step) => step.startsWith(`${journey}/`)).length),
  )
}

function endpointOf(counts: ScriptSummary['steps'][number] | undefined): EndpointMeasurement {
  if (counts === undefined) return { requests: 0, errors: 0, histogram: [], latencySumMs: 0 }
  const { latency } = counts
  return {
    requests: requestsOf(counts),
    errors: errorsOf(counts),
    histogram: histogramOf(latency),
    latencySumMs: latency === null ? 0 : latency.avg * latency.count,
  }
}

function histogramOf(trend: SummaryTrend | null): Histogram {
  return trend === null ? [] : histogramOfTrend(trend)
}

function failuresOf(plan: ScriptPlan, summary: ScriptSummary, messages: Pick<Messages, 'first'>): Failure[] {
  return summary.steps.flatMap(({ failed }, step) =>
    requestFailureClasses.flatMap((failure): Failure[] => {
      const count = failed[failure] ?? 0
      if (count === 0) return []
      const first = messages.first(step, failure)
      return [
        {
          step: plan.steps[step] ?? null,
          class: failure,
          count,
          ...(first && { firstAtMs: first.atMs, example: first.example }),
        },
      ]
    }),
  )
}

function droppedOf(dropped: number, users: number, { firstDroppedMs }: Observed): Failure[] {
  if (dropped === 0) return []
  const example = `no virtual user was free: all ${users} were waiting for answers`
  return [
    {
      step: null,
      class: 'dropped',
      count: dropped,
      ...(firstDroppedMs !== undefined && { firstAtMs: firstDroppedMs }),
      example,
    },
  ]
}

function generatorOf(
  cpu: CpuWork | undefined,
  arrivals: number,
  durationMs: number,
  lateness: Histogram,
  users: number,
): Generator {
  return {
    ...cpu,
    ...(durationMs > 0 && { offeredRps: arrivals / (durationMs / 1000) }),
    ...(lateness.length > 0 && { latenessP95Ms: latenessP95(lateness) }),
    virtualUsersMax: users,
  }
}
