import { join } from 'node:path'
import type { ProbeConfig } from '../config/index.ts'
import type { Journey } from '../journeys/index.ts'
import type { Random, WallClock, ProbeResult, ProbesReport } from '../record/index.ts'
import { runProbe } from './probe.ts'

export type { ProbeOutcome, ProbeResult, ProbesReport, StepResult } from '../record/documents/probes.ts'
export { recordOfProbes } from './record.ts'
export type { ProbeFacts } from './record.ts'

/** What is to be probed, and what a probe may use of the world. */
export interface ProbesPlan {
  targetUrl: string
  journeys: readonly Journey[]
  probes: Readonly<Record<string, ProbeConfig>>
  /** Differs from every other run's; it goes into what the journeys make. */
  run: string
  signal: AbortSignal
  now: WallClock
  /** For the ids of traces. */
  random?: Random
  /** What browser specs are started with; `VIGIL_CONTROL_URL` in it is asked before a target that cannot be reached is called down. */
  env?: NodeJS.ProcessEnv
  /** Absolute: what the paths of specs are relative to. */
  root?: string
  /** Absolute: where it is kept what a failed spec leaves behind. */
  folder?: string
  /** Told when a certificate was seen: until when it is good, in milliseconds since 1970. */
  certificate?: (probe: string, expiresAtMs: number) => void
}

const defaults = { timeoutMs: 10_000, specTimeoutMs: 30_000, attempts: 2 } as const

/** Runs probes one after the other, so that they do not slow each other down. */
export async function runProbes(plan: ProbesPlan): Promise<ProbesReport> {
  const probes: ProbeResult[] = []
  for (const [name, probe] of Object.entries(plan.probes)) probes.push(await probed(plan, name, probe))
  return { schema: 'vigil.probes/1', probes }
}

async function probed(plan: ProbesPlan, name: string, probe: ProbeConfig): Promise<ProbeResult> {
  if (plan.signal.aborted) return notRun(plan, name, 'not run: interrupted')
  if ('spec' in probe) return checked(plan, name, probe)
  const journey = plan.journeys.find((candidate) => candidate.name === probe.journey)
  if (!journey) return notRun(plan, name, `not run: there is no journey ${probe.journey}`)
  const { timeoutMs = defaults.timeoutMs } = probe
  return runProbe({
    ...common(plan, name, probe),
    journey,
    run: plan.run,
    timeoutMs,
    random: plan.random ?? Math.random,
  })
}

/** Begins the names of checks that only a probe can make, which stand where else a spec's path does. */
const builtIn = 'vigil:'

async function checked(
  plan: ProbesPlan,
  name: string,
  probe: ProbeConfig & { spec: string },
): Promise<ProbeResult> {
  if (probe.spec === `${builtIn}tls`) {
    const { runCertificateProbe } = await import('./certificate.ts')
    return runCertificateProbe({
      ...common(plan, name, probe),
      timeoutMs: probe.timeoutMs ?? defaults.timeoutMs,
      seen: (expiresAtMs) => plan.certificate?.(name, expiresAtMs),
    })
  }
  if (probe.spec.startsWith(builtIn))
    return notRun(plan, name, `not run: there is no check ${probe.spec}, only ${builtIn}tls`)
  const { runSpec } = await import('./browser/spec.ts')
  const { root = process.cwd(), env = process.env, folder = join(root, '.vigil', 'runs', plan.run) } = plan
  return runSpec({
    ...common(plan, name, probe),
    spec: probe.spec,
    root,
    env,
    folder,
    random: plan.random ?? Math.random,
    timeoutMs: probe.timeoutMs ?? defaults.specTimeoutMs,
  })
}

function common(
  { targetUrl, signal, now, env = process.env }: ProbesPlan,
  name: string,
  { attempts = defaults.attempts, degradedMs }: ProbeConfig,
) {
  return { name, targetUrl, attempts, degradedMs, controlUrl: env['VIGIL_CONTROL_URL'], signal, now }
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
