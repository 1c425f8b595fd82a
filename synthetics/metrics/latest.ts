import { Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import type { ProbeOutcome, ProbeResult } from '../../record/index.ts'
import { gauges } from './names.ts'

export interface BuildInfo {
  version: string
  node: string
}

/** The latest run of each probe as gauges: what is scraped, and what is pushed. */
export interface Latest {
  set: (result: ProbeResult) => void
  /** What was found no longer holds. */
  expire: (probe: string) => void
  certificate: (probe: string, expiresAtMs: number) => void
}

const outcomes: readonly ProbeOutcome[] = ['up', 'degraded', 'down', 'unknown']

/** Registers the gauges of the latest run. Labels are probe and step names, which config and journeys bound. */
export function latestGauges(registry: Registry, { version, node }: BuildInfo): Latest {
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
  }
}
