import { join } from 'node:path'
import type { ProbeConfig } from '../config/index.ts'
import type { Journey, Secrets } from '../journeys/index.ts'
import type {
  ProbeResult,
  ProbesReport,
  Random,
  WallClock,
  Counts,
  Failure,
  Run,
  StepResult,
} from '../record/index.ts'
import { runProbe } from './probe.ts'
import { toStepKey } from '../journeys/index.ts'
import { endpointOf, histogramOf, totalsOf } from '../record/index.ts'

/** The probes to run, and what they may use. */
export interface ProbesPlan {
  targetUrl: string
  journeys: readonly Journey[]
  secrets?: Secrets
  probes: Readonly<Record<string, ProbeConfig>>
  /** Differs from every other run's. The data that journeys create contains it. */
  run: string
  signal: AbortSignal
  now: WallClock
  /** For the ids of traces. */
  random?: Random
  /**
   * Environment of browser specs. Before a target that cannot be reached counts as down, the probe sends a
   * request to the `VIGIL_CONTROL_URL` in it.
   */
  env?: NodeJS.ProcessEnv
  /** Absolute: what the paths of specs are relative to. */
  root?: string
  /** Absolute: where the artefacts of a failed spec are kept. */
  folder?: string
  /** Receives the expiry of each certificate, in milliseconds since 1970. */
  certificate?: (probe: string, expiresAtMs: number) => void
}

/** A browser takes longer than requests. */
const defaults = { timeoutMs: 10_000, specTimeoutMs: 30_000, attempts: 2 } as const

/** The limits of a probe: as configured, else the defaults. */
export function resolveProbeLimits(probe: ProbeConfig): { timeoutMs: number; attempts: number } {
  const isBrowserSpec = 'spec' in probe && !probe.spec.startsWith(builtIn)
  const {
    timeoutMs = isBrowserSpec ? defaults.specTimeoutMs : defaults.timeoutMs,
    attempts = defaults.attempts,
  } = probe
  return { timeoutMs, attempts }
}

/** Runs probes in order, so that they do not slow each other down. */
export async function runProbes(plan: ProbesPlan): Promise<ProbesReport> {
  const probes: ProbeResult[] = []
  for (const [name, probe] of Object.entries(plan.probes)) probes.push(await runOne(plan, name, probe))
  return { schema: 'vigil.probes/1', probes }
}

async function runOne(plan: ProbesPlan, name: string, probe: ProbeConfig): Promise<ProbeResult> {
  if (plan.signal.aborted) return notRun(plan, name, 'not run: interrupted')
  if ('spec' in probe) return runCheck(plan, name, probe)
  const journey = plan.journeys.find((candidate) => candidate.name === probe.journey)
  if (!journey) return notRun(plan, name, `not run: there is no journey ${probe.journey}`)
  return runProbe({
    ...toCommonPlan(plan, name, probe),
    journey,
    ...(plan.secrets && { secrets: plan.secrets }),
    run: plan.run,
    random: plan.random ?? Math.random,
  })
}

/** Prefix of the names of built-in checks, which the config has in place of a spec's path. */
const builtIn = 'vigil:'

async function runCheck(
  plan: ProbesPlan,
  name: string,
  probe: ProbeConfig & { spec: string },
): Promise<ProbeResult> {
  if (probe.spec === `${builtIn}tls`) {
    const { runCertificateProbe } = await import('./certificate.ts')
    return runCertificateProbe({
      ...toCommonPlan(plan, name, probe),
      onExpiry: (expiresAtMs) => plan.certificate?.(name, expiresAtMs),
    })
  }
  if (probe.spec.startsWith(builtIn))
    return notRun(plan, name, `not run: there is no check ${probe.spec}, only ${builtIn}tls`)
  const { runSpec } = await import('./browser/spec.ts')
  const { root = process.cwd(), env = process.env, folder = join(root, '.vigil', 'runs', plan.run) } = plan
  return runSpec({
    ...toCommonPlan(plan, name, probe),
    ...(plan.secrets && { secrets: plan.secrets }),
    spec: probe.spec,
    root,
    env,
    folder,
    random: plan.random ?? Math.random,
  })
}

function toCommonPlan(
  { targetUrl, signal, now, env = process.env }: ProbesPlan,
  name: string,
  probe: ProbeConfig,
) {
  return {
    name,
    targetUrl,
    ...resolveProbeLimits(probe),
    degradedMs: probe.degradedMs,
    controlUrl: env['VIGIL_CONTROL_URL'],
    signal,
    now,
  }
}

function notRun({ now }: ProbesPlan, name: string, message: string): ProbeResult {
  return {
    name,
    outcome: 'unknown',
    startedAt: new Date(now()).toISOString(),
    durationMs: 0,
    attempts: 0,
    steps: [],
    message,
  }
}

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
