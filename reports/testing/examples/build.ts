import { judgeRun } from '../../../baselines/index.ts'
import type { Budgets } from '../../../baselines/index.ts'
import { endpointOf, totalsOf } from '../../../record/index.ts'
import type { Counts, Failure, Run, TimelinePoint } from '../../../record/index.ts'
import type { RunReport } from '../../input.ts'
import { latencies, stream } from './samples.ts'
import type { Shape } from './samples.ts'

/** What an example's load run was like; everything else of its record follows from it. */
export interface RunSpec {
  suite: string
  engine?: string
  seconds?: number
  load?: Run['load']
  steps: Record<string, StepSpec>
  budgets?: Budgets
  failures?: Failure[]
  timeline?: TimelinePoint[]
  invalid?: string[]
  extras?: Partial<Pick<Run, 'server' | 'generator' | 'target' | 'id'>>
  seed?: number
}

export interface StepSpec extends Shape {
  requests: number
  errors?: number
  /** Requests that got no answer; among the errors, and not in the histogram. */
  unanswered?: number
}

export const standardBudgets: Budgets = {
  p95Ms: 500,
  meanMs: 200,
  errorRate: 0.001,
  requestsPerMinute: 1000,
  rssBytes: 512_000_000,
}

const environment = {
  fingerprint: '3f9a1c07be52',
  os: 'Linux 6.1',
  arch: 'x64',
  cpuModel: 'AMD EPYC 7B13',
  cores: 2,
  memoryBytes: 8_330_000_000,
  node: '24.21.0',
}

/** A run record, judged, as measuring would have made it. */
export function runReport(spec: RunSpec): RunReport {
  const run = runOf(spec)
  const budgets = spec.budgets ?? standardBudgets
  return { run, budgets, verdict: judgeRun(run, budgets) }
}

function runOf(spec: RunSpec): Run {
  const { suite, engine = 'k6', seconds = 60, failures = [] } = spec
  const durationMs = seconds * 1000
  const random = stream(spec.seed ?? 7)
  const counts = Object.entries(spec.steps).map(([step, shape]) => [step, countsOf(shape, random)] as const)
  const dropped = spec.extras?.generator?.droppedArrivals ?? 0
  const totals = totalsOf(
    counts.map(([, count]) => count),
    dropped,
    durationMs,
  )
  return {
    schema: 'vigil.run/1',
    id: `20261124T0912${String(seconds).padStart(2, '0')}Z-${suite.replaceAll(/[^a-z0-9-]/g, '')}`,
    suite,
    engine,
    target: { url: 'http://127.0.0.1:8000', revision: '7d1f0c2b9a4e', dirty: false },
    environment: { ...environment, engine: engine === 'k6' ? 'k6 1.8.1' : 'autocannon 9.0.0' },
    startedAt: '2026-11-24T09:12:31.204Z',
    durationMs,
    load: spec.load ?? { model: 'arrival-rate', ratePerSecond: 40 },
    totals,
    endpoints: Object.fromEntries(counts.map(([step, count]) => [step, endpointOf(count, durationMs)])),
    server: {
      cpuMsPerRequest: 1.84,
      rssMaxBytes: 187_400_000,
      eventLoopP99Ms: 12.6,
      dbMsPerRequest: 2.41,
      statementsPerRequest: 1.6,
    },
    generator: { cpuRatio: 0.31, eventLoopP99Ms: 3.2, droppedArrivals: 0, offeredRps: totals.throughputRps },
    timeline: spec.timeline ?? steadyTimeline(totals.requests, seconds, totals.latency.p95Ms, random),
    ...(failures.length > 0 && { failures }),
    validity: {
      valid: !spec.invalid,
      reasons: spec.invalid ?? [],
      ...(spec.invalid && { codes: spec.invalid.map(() => 'generator-saturated') }),
    },
    ...spec.extras,
  }
}

function countsOf(spec: StepSpec, random: () => number): Counts {
  const { requests, errors = 0, unanswered = 0 } = spec
  const { histogram, sumMs } = latencies(spec, requests - unanswered, random)
  return { requests, errors: Math.max(errors, unanswered), histogram, latencySumMs: sumMs }
}

function steadyTimeline(
  requests: number,
  seconds: number,
  p95Ms: number,
  random: () => number,
): TimelinePoint[] {
  const perSecond = requests / seconds
  return Array.from({ length: seconds }, (_, second) => ({
    atMs: second * 1000,
    requests: Math.round(perSecond * (0.96 + 0.08 * random())),
    errors: 0,
    ...(p95Ms > 0 && { p95Ms: Number((p95Ms * (0.86 + 0.28 * random())).toPrecision(4)) }),
  }))
}
