import type { CodedReason } from '../baselines/index.ts'
import { countOf, endpointOf, latencyOf, totalsOf } from '../record/index.ts'
import type { FailureClass, Run, ServerSide } from '../record/index.ts'
import type { LoadPlan, Measurement } from './engine.ts'

/** What a record says about a run besides what was measured. */
export interface RecordFacts {
  engine: string
  target: Run['target']
  environment: Run['environment']
  startedAt: string
}

/** The record of a load that was measured. */
export function toRecord(
  plan: LoadPlan,
  measurement: Measurement,
  server: ServerSide,
  facts: RecordFacts,
): Run {
  const { durationMs } = measurement
  const steps = Object.entries(measurement.endpoints).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const reasons = findInvalidReasons(measurement)
  return {
    ...toIdentity(plan, facts),
    startedAt: measurement.startedAt,
    durationMs,
    totals: totalsOf(
      steps.map(([, counts]) => counts),
      measurement.droppedArrivals,
      durationMs,
    ),
    endpoints: Object.fromEntries(steps.map(([step, counts]) => [step, endpointOf(counts, durationMs)])),
    ...(Object.keys(server).length > 0 && { server }),
    generator: { ...measurement.generator, droppedArrivals: measurement.droppedArrivals },
    ...toConnections(measurement),
    timeline: measurement.timeline,
    ...(measurement.shards && { shards: measurement.shards }),
    ...(measurement.failures.length > 0 && { failures: measurement.failures }),
    ...(measurement.notes && { notes: measurement.notes }),
    ...(measurement.crossedThresholds && { crossedThresholds: measurement.crossedThresholds }),
    ...(measurement.markedFailed && { markedFailed: measurement.markedFailed }),
    ...(measurement.scriptMetrics && { scriptMetrics: measurement.scriptMetrics }),
    ...(measurement.checks && { checks: measurement.checks }),
    validity: {
      valid: reasons.length === 0,
      reasons: reasons.map(({ reason }) => reason),
      ...(reasons.length > 0 && { codes: reasons.map(({ code }) => code) }),
    },
    ...(measurement.interrupted && { interrupted: true }),
  }
}

function toConnections({ connections, endpoints }: Measurement): Pick<Run, 'connections'> {
  const answered = Object.values(endpoints).reduce((sum, { histogram }) => sum + countOf(histogram), 0)
  if (connections === undefined || answered === 0) return {}
  const opened = countOf(connections.histogram)
  return {
    connections: {
      opened,
      share: Math.min(1, opened / answered),
      time: latencyOf(connections.histogram, connections.timeSumMs),
    },
  }
}

/**
 * The record of a load that could not be measured: empty, invalid, and saying why, so that every report shows
 * it.
 */
export function toEmptyRecord(
  plan: LoadPlan,
  { code, reason }: CodedReason,
  interrupted: boolean,
  facts: RecordFacts,
): Run {
  return {
    ...toIdentity(plan, facts),
    durationMs: 0,
    totals: totalsOf([], 0, 0),
    endpoints: {},
    validity: { valid: false, reasons: [reason], codes: [code] },
    ...(interrupted && { interrupted: true }),
  }
}

/**
 * The record of a load that the target made impossible by failing a `before` step. A target that answered,
 * wrongly, was measured: its one request failed, and the budgets judge that. One that could not be reached at
 * all was not.
 */
export function toRefusalRecord(
  plan: LoadPlan,
  refusal: { step: string; class: FailureClass; message: string },
  facts: RecordFacts,
): Run {
  const { step, class: failure, message } = refusal
  const reason = `virtual users could not be prepared: ${step} failed (${failure}): ${message}`
  const answered = refusal.class === 'status' || refusal.class === 'check' || refusal.class === 'redirect'
  const nothing = toEmptyRecord(plan, { code: 'users-not-prepared', reason }, false, facts)
  if (!answered) return nothing
  const counts = { requests: 1, errors: 1, histogram: [], latencySumMs: 0 }
  return {
    ...nothing,
    totals: totalsOf([counts], 0, 0),
    endpoints: { [refusal.step]: endpointOf(counts, 0) },
    failures: [
      { step: refusal.step, class: refusal.class, count: 1, firstAtMs: 0, example: reason.slice(0, 200) },
    ],
    validity: { valid: true, reasons: [] },
  }
}

function toIdentity(
  plan: LoadPlan,
  facts: RecordFacts,
): Pick<Run, 'schema' | 'id' | 'suite' | 'engine' | 'target' | 'environment' | 'startedAt' | 'load'> {
  const { source, shards } = plan
  const own: Run['load'] =
    source.kind === 'script' ? (source.load ?? { model: 'once', script: 'never inspected' }) : plan.load
  const load = shards === undefined ? own : { ...own, shards }
  return { schema: 'vigil.run/1', id: plan.run, suite: plan.suite, load, ...facts }
}

function findInvalidReasons(measurement: Measurement): CodedReason[] {
  const { saturation, shardProblems = [] } = measurement
  const reasons = [
    ...shardProblems.map((reason): CodedReason => ({ code: 'shards-incomplete', reason })),
    ...saturation.map((reason): CodedReason => ({ code: 'generator-saturated', reason })),
  ]
  const requests = Object.values(measurement.endpoints).reduce((sum, counts) => sum + counts.requests, 0)
  if (measurement.interrupted)
    reasons.push({
      code: 'interrupted',
      reason:
        `interrupted after ${(measurement.durationMs / 1000).toFixed(1)} s of measuring: what there is ` +
        'was kept, and is not judged',
    })
  else if (requests + measurement.droppedArrivals === 0)
    reasons.push({
      code: 'nothing-measured',
      reason: 'no request was made in the measured time',
    })
  return reasons
}
