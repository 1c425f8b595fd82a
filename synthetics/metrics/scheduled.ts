import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ProbeOutcome, ProbeResult } from '../../record/index.ts'
import {
  createLatestGauges,
  counters,
  histograms,
  latenessBuckets,
  schedulerGauges,
  stepBuckets,
} from './result.ts'
import type { BuildInfo, Latest } from './result.ts'
import { createNativeHistogram } from './native-histogram.ts'
import { encodeFamilies } from '../../runtime/exposition/index.ts'

/** The metrics of a scheduler, updated by its events. Wall times are in milliseconds since 1970. */
export interface ScheduledMetrics {
  ran: (result: ProbeResult, latenessMs: number, holdsUntilMs: number) => void
  skipped: (probe: string) => void
  missed: (probe: string, count: number) => void
  hung: (probe: string) => void
  beat: (atMs: number) => void
  certificate: (probe: string, expiresAtMs: number) => void
  /** From when the next result is overdue: set at the start, and by each run that found something out. */
  nextDue: (probe: string, overdueMs: number) => void
  waiting: (results: number) => void
  /**
   * The text that Prometheus scrapes. What no longer holds at that moment is unknown in it, not as it was
   * last.
   */
  text: (nowMs: number) => Promise<string>
  /** The same in protobuf, with the latencies of steps as native histograms too. */
  protobuf: (nowMs: number) => Promise<Uint8Array>
}

const outcomes: readonly ProbeOutcome[] = ['up', 'degraded', 'down', 'unknown']

/**
 * @param probes all scheduled probes: each has its series from the start, so that alerts see it before its
 *   first run
 */
export function createScheduledMetrics(probes: readonly string[], build: BuildInfo): ScheduledMetrics {
  const registry = new Registry()
  const latest = createLatestGauges(registry, build)
  const counter = <L extends string>(name: keyof typeof counters, labelNames: L[]): Counter<L> =>
    new Counter({ name, help: counters[name], labelNames, registers: [registry] })
  const runs = counter('vigil_probe_runs_total', ['probe', 'outcome'])
  const skipped = counter('vigil_probe_skipped_runs_total', ['probe'])
  const missed = counter('vigil_probe_missed_runs_total', ['probe'])
  const hung = counter('vigil_probe_hung_runs_total', ['probe'])
  const steps = createNativeHistogram({
    name: 'vigil_probe_step_duration_seconds',
    help: histograms.vigil_probe_step_duration_seconds,
    labelNames: ['probe', 'step'],
    buckets: stepBuckets,
    registers: [registry],
  })
  const lateness = new Histogram({
    name: 'vigil_probe_schedule_lateness_seconds',
    help: histograms.vigil_probe_schedule_lateness_seconds,
    buckets: latenessBuckets,
    registers: [registry],
  })
  const gauge = (name: keyof typeof schedulerGauges): Gauge =>
    new Gauge({ name, help: schedulerGauges[name], registers: [registry] })
  const heartbeat = gauge('vigil_probe_heartbeat_timestamp_seconds')
  const waiting = gauge('vigil_probe_history_waiting_results')

  // A counter that starts with its first event would show no increase for it.
  for (const probe of probes) {
    latest.expire(probe)
    for (const outcome of outcomes) runs.inc({ probe, outcome }, 0)
    for (const each of [skipped, missed, hung]) each.inc({ probe }, 0)
  }
  const validity = createValidity(latest)
  return {
    ran: (result, latenessMs, holdsUntilMs) => {
      latest.set(result)
      validity.set(result.name, holdsUntilMs)
      latest.validUntil(result.name, holdsUntilMs)
      runs.inc({ probe: result.name, outcome: result.outcome })
      lateness.observe(Math.max(0, latenessMs) / 1000)
      for (const { step, status, durationMs } of result.steps)
        if (status !== 0) steps.observe({ probe: result.name, step }, durationMs / 1000)
    },
    skipped: (probe) => skipped.inc({ probe }),
    missed: (probe, count) => missed.inc({ probe }, count),
    hung: (probe) => hung.inc({ probe }),
    beat: (atMs) => heartbeat.set(atMs / 1000),
    certificate: latest.certificate,
    nextDue: latest.nextDue,
    waiting: (results) => waiting.set(results),
    text: async (nowMs) => {
      validity.expire(nowMs)
      return registry.metrics()
    },
    protobuf: async (nowMs) => {
      validity.expire(nowMs)
      // Read before the first await, as the classic buckets are, so that both are of one moment.
      const native = { vigil_probe_step_duration_seconds: steps.native() }
      return encodeFamilies(await registry.getMetricsAsJSON(), native)
    },
  }
}

/** Until when the latest result of each probe is its state. */
function createValidity(latest: Latest): {
  set: (probe: string, untilMs: number) => void
  expire: (nowMs: number) => void
} {
  const holds = new Map<string, number>()
  return {
    set: (probe, untilMs) => holds.set(probe, untilMs),
    expire: (nowMs) => {
      for (const [probe, until] of holds) {
        if (until >= nowMs) continue
        latest.expire(probe)
        holds.delete(probe)
      }
    },
  }
}
