import { toStepKey } from '../journeys/index.ts'
import { endpointOf, histogramOf, totalsOf } from '../record/index.ts'
import type { Counts, Failure, Run, ProbesReport, StepResult } from '../record/index.ts'

/** The facts of a run of probes that a record contains in addition to their results. */
export type ProbeFacts = Pick<Run, 'id' | 'target' | 'environment' | 'startedAt' | 'durationMs'>

/**
 * Converts a run of probes to a run record: one sample for each step of each probe's last attempt.
 *
 * @param journeyOf the journey of a probe; the key of a probe without one (a browser spec) is its name
 */
export function toProbeRecord(
  report: ProbesReport,
  journeyOf: (probe: string) => string | undefined,
  facts: ProbeFacts,
): Run {
  const samples = report.probes.flatMap(({ name, steps }) =>
    steps.map((step) => ({ key: toStepKey(journeyOf(name) ?? name, step.step), step })),
  )
  const byKey = Map.groupBy(samples, ({ key }) => key)
  const counts = [...byKey].map(([key, of]) => [key, toCounts(of.map(({ step }) => step))] as const)
  const unknown = report.probes
    .filter(({ outcome }) => outcome === 'unknown')
    .map(({ name, message }) => `probe ${name} is unknown${message === undefined ? '' : `: ${message}`}`)
  const reasons = samples.length === 0 && unknown.length === 0 ? ['no probe was run'] : unknown
  return {
    schema: 'vigil.run/1',
    ...facts,
    suite: 'probe',
    engine: 'probe',
    load: { model: 'once' },
    totals: totalsOf(
      counts.map(([, of]) => of),
      0,
      facts.durationMs,
    ),
    endpoints: Object.fromEntries(counts.map(([key, of]) => [key, endpointOf(of, facts.durationMs)])),
    ...toFailures(samples),
    validity: { valid: reasons.length === 0, reasons },
  }
}

function toCounts(steps: readonly StepResult[]): Counts {
  const answered = steps.filter((step) => step.status !== 0).map((step) => step.durationMs)
  return {
    requests: steps.length,
    errors: steps.filter((step) => !step.ok).length,
    histogram: histogramOf(answered),
    latencySumMs: answered.reduce((sum, ms) => sum + ms, 0),
  }
}

function toFailures(samples: readonly { key: string; step: StepResult }[]): { failures?: Failure[] } {
  const failures = samples.flatMap(({ key, step }): Failure[] =>
    step.ok
      ? []
      : [
          {
            step: key,
            class: step.class ?? 'check',
            count: 1,
            ...(step.message !== undefined && { example: step.message }),
          },
        ],
  )
  return failures.length === 0 ? {} : { failures }
}
