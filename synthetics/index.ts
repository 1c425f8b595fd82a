import type { ProbeConfig } from '../config/index.ts'
import type { Journey } from '../journeys/index.ts'
import type { WallClock } from '../record/index.ts'
import type { ProbeResult, ProbesReport } from './outcome.ts'
import { runProbe } from './probe.ts'

export type { ProbeOutcome, ProbeResult, ProbesReport, StepResult } from './outcome.ts'
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
}

const defaults = { timeoutMs: 10_000, attempts: 2 } as const

/** Runs probes one after the other, so that they do not slow each other down. */
export async function runProbes(plan: ProbesPlan): Promise<ProbesReport> {
  const probes: ProbeResult[] = []
  for (const [name, probe] of Object.entries(plan.probes)) probes.push(await probed(plan, name, probe))
  return { schema: 'vigil.probes/1', probes }
}

async function probed(plan: ProbesPlan, name: string, probe: ProbeConfig): Promise<ProbeResult> {
  if (plan.signal.aborted) return notRun(plan, name, 'not run: interrupted')
  if ('spec' in probe) return notRun(plan, name, 'not run: browser specs are not run by this version of vigil')
  const journey = plan.journeys.find((candidate) => candidate.name === probe.journey)
  if (!journey) return notRun(plan, name, `not run: there is no journey ${probe.journey}`)
  const { timeoutMs = defaults.timeoutMs, attempts = defaults.attempts, degradedMs } = probe
  return runProbe({ name, targetUrl: plan.targetUrl, journey, run: plan.run, timeoutMs, attempts, degradedMs, signal: plan.signal, now: plan.now })
}

function notRun({ now }: ProbesPlan, name: string, message: string): ProbeResult {
  return { name, outcome: 'unknown', startedAt: new Date(now()).toISOString(), durationMs: 0, attempts: 0, steps: [], message }
}
