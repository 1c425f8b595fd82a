import { Gauge, Registry } from 'prom-client'
import type { ProbeOutcome, ProbeResult } from '../../record/index.ts'

/**
 * Every metric of probes, with its help. One table, because Pushgateway refuses all pushes of a metric whose
 * type or help differs between two groups.
 */
export const gauges = {
  vigil_probe_success:
    'Whether the latest run found the target working (up or degraded): 1 or 0. Gone while that is unknown.',
  vigil_probe_outcome:
    '1 for the outcome of the latest run, 0 for the others; unknown once the next run is overdue.',
  vigil_probe_duration_seconds: 'How long the steps of the latest run took together.',
  vigil_probe_step_success: 'Whether a step of the latest run was as expected: 1 or 0.',
  vigil_probe_step_last_duration_seconds: 'How long a step of the latest run took.',
  vigil_probe_attempts: 'How many attempts the latest run took.',
  vigil_probe_last_run_timestamp_seconds: 'When the latest run began, in seconds since 1970.',
  vigil_probe_certificate_expiry_timestamp_seconds:
    'When the certificate of the target expires, in seconds since 1970, where it is known.',
  vigil_probe_valid_until_timestamp_seconds:
    'Until when the latest run is the state of the target, in seconds since 1970; after that it is unknown.',
  vigil_probe_next_due_timestamp_seconds:
    'From when the next result is overdue, in seconds since 1970: its due time plus its tolerance.',
  vigil_probe_build_info: 'The vigil that probes, as labels; always 1.',
} as const

export const counters = {
  vigil_probe_runs_total: 'Runs since the scheduler started, by outcome.',
  vigil_probe_skipped_runs_total: 'Runs that were due while the one before still ran.',
  vigil_probe_missed_runs_total:
    'Runs whose time passed while the scheduler slept, stood still, or its clock was set forward.',
  vigil_probe_hung_runs_total: 'Runs that did not end although they were aborted.',
} as const

export const histograms = {
  vigil_probe_step_duration_seconds:
    'How long answered steps took. A native histogram too, for a Prometheus that asks for protobuf.',
  vigil_probe_schedule_lateness_seconds: 'How long after their due time runs began.',
} as const

export const schedulerGauges = {
  vigil_probe_heartbeat_timestamp_seconds:
    'When the scheduler last looked at its clock, in seconds since 1970.',
  vigil_probe_history_waiting_results: 'Results that history did not take yet (a full disk).',
} as const

/** From a local answer to the duration of a browser flow. */
export const stepBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
export const latenessBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 60]

export interface BuildInfo {
  version: string
  node: string
}

/** The latest run of each probe as gauges: what is scraped, and what is pushed. */
export interface Latest {
  set: (result: ProbeResult) => void
  /** The last result is no longer valid. */
  expire: (probe: string) => void
  certificate: (probe: string, expiresAtMs: number) => void
  validUntil: (probe: string, atMs: number) => void
  /** From when the next result is overdue. */
  nextDue: (probe: string, overdueMs: number) => void
}

/** When a result of a probe that ran once ends to be valid and the next one is overdue, where it is known. */
export interface ResultTimes {
  certificateExpiresAtMs?: number | undefined
  validUntilMs?: number | undefined
  overdueMs?: number | undefined
}

const outcomes: readonly ProbeOutcome[] = ['up', 'degraded', 'down', 'unknown']

/**
 * Registers the gauges of the latest run. Labels are probe and step names, which config and journeys bound.
 */
export function createLatestGauges(registry: Registry, { version, node }: BuildInfo): Latest {
  const gauge = <L extends string>(name: keyof typeof gauges, labelNames: L[]): Gauge<L> =>
    new Gauge({ name, help: gauges[name], labelNames, registers: [registry] })
  const success = gauge('vigil_probe_success', ['probe'])
  const outcome = gauge('vigil_probe_outcome', ['probe', 'outcome'])
  const duration = gauge('vigil_probe_duration_seconds', ['probe'])
  const stepSuccess = gauge('vigil_probe_step_success', ['probe', 'step'])
  const stepDuration = gauge('vigil_probe_step_last_duration_seconds', ['probe', 'step'])
  const attempts = gauge('vigil_probe_attempts', ['probe'])
  const lastRun = gauge('vigil_probe_last_run_timestamp_seconds', ['probe'])
  const certificate = gauge('vigil_probe_certificate_expiry_timestamp_seconds', ['probe'])
  const validUntil = gauge('vigil_probe_valid_until_timestamp_seconds', ['probe'])
  const nextDue = gauge('vigil_probe_next_due_timestamp_seconds', ['probe'])
  gauge('vigil_probe_build_info', ['version', 'node']).set({ version, node }, 1)

  const steps = new Map<string, string[]>()
  const forgetSteps = (probe: string): void => {
    for (const step of steps.get(probe) ?? []) {
      stepSuccess.remove({ probe, step })
      stepDuration.remove({ probe, step })
    }
    steps.delete(probe)
  }
  const setOutcome = (probe: string, is: ProbeOutcome): void => {
    for (const each of outcomes) outcome.set({ probe, outcome: each }, each === is ? 1 : 0)
    if (is === 'unknown') success.remove({ probe })
    else success.set({ probe }, is === 'down' ? 0 : 1)
  }
  return {
    set: (result) => {
      const probe = result.name
      setOutcome(probe, result.outcome)
      duration.set({ probe }, result.durationMs / 1000)
      attempts.set({ probe }, result.attempts)
      if (result.attempts > 0) lastRun.set({ probe }, Date.parse(result.startedAt) / 1000)
      forgetSteps(probe)
      for (const { step, ok, durationMs } of result.steps) {
        stepSuccess.set({ probe, step }, ok ? 1 : 0)
        stepDuration.set({ probe, step }, durationMs / 1000)
      }
      steps.set(
        probe,
        result.steps.map(({ step }) => step),
      )
    },
    expire: (probe) => {
      setOutcome(probe, 'unknown')
      duration.remove({ probe })
      forgetSteps(probe)
    },
    certificate: (probe, expiresAtMs) => certificate.set({ probe }, expiresAtMs / 1000),
    validUntil: (probe, atMs) => validUntil.set({ probe }, atMs / 1000),
    nextDue: (probe, overdueMs) => nextDue.set({ probe }, overdueMs / 1000),
  }
}

/**
 * Converts one result to metrics for a push. Only gauges: a counter or a histogram that restarts with each
 * push is useless for `rate()`.
 *
 * @param times in milliseconds since 1970
 */
export function toResultRegistry(result: ProbeResult, build: BuildInfo, times: ResultTimes = {}): Registry {
  const { certificateExpiresAtMs, validUntilMs, overdueMs } = times
  const registry = new Registry()
  const latest = createLatestGauges(registry, build)
  latest.set(result)
  if (certificateExpiresAtMs !== undefined) latest.certificate(result.name, certificateExpiresAtMs)
  if (validUntilMs !== undefined) latest.validUntil(result.name, validUntilMs)
  // A run that found nothing out is not the result that was due: that one is overdue since this run.
  if (overdueMs !== undefined)
    latest.nextDue(result.name, result.outcome === 'unknown' ? Date.parse(result.startedAt) : overdueMs)
  return registry
}
