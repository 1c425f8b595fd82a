import { meanOfKnown, readFact } from '../duet/units.ts'
import type { DuetUnits } from '../duet/units.ts'
import type { ComparableRun } from '../../record/index.ts'

/** Two levels of one figure: what it was, and what it became. */
export interface LevelChange {
  baseline: number
  candidate: number
}

export const stepFacts = ['appMs', 'dbMs', 'statements', 'rows'] as const
export type StepFact = (typeof stepFacts)[number]

export const processFacts = [
  'cpuMsPerRequest',
  'databaseCpuMsPerRequest',
  'gcMsPerRequest',
  'eventLoopP99Ms',
  'rssMaxBytes',
  'cacheHitRatio',
  'dbMsPerRequest',
  'statementsPerRequest',
] as const
export type ProcessFact = (typeof processFacts)[number]

/**
 * What a step's answers cost the service by its own report, on both sides: means over the duet. Only what
 * both sides report.
 */
export function compareStepFacts(
  { baseline, candidate }: DuetUnits,
  step: string,
): Partial<Record<StepFact, LevelChange>> {
  return both(
    stepFacts,
    (fact) => stepMean(baseline, step, fact),
    (fact) => stepMean(candidate, step, fact),
  )
}

/** What was read of both processes: means over the duet. */
export function compareProcessFacts({
  baseline,
  candidate,
}: DuetUnits): Partial<Record<ProcessFact, LevelChange>> {
  const mean = (runs: DuetUnits['baseline'], fact: ProcessFact): number | undefined =>
    meanOfKnown(runs.map((run) => readFact(run, 'server', fact)))
  return both(
    processFacts,
    (fact) => mean(baseline, fact),
    (fact) => mean(candidate, fact),
  )
}

/** Share of the units with this figure of the process in which it moved the same way as overall, 0..1. */
export function agreement(
  { baseline, candidate }: DuetUnits,
  fact: ProcessFact,
  { baseline: b, candidate: c }: LevelChange,
): number {
  const ways = baseline.flatMap((run, index) => {
    const other = candidate[index]
    const [x, y] = [readFact(run, 'server', fact), other && readFact(other, 'server', fact)]
    return x === undefined || y === undefined ? [] : [Math.sign(y - x) === Math.sign(c - b)]
  })
  return ways.length === 0 ? 0 : ways.filter(Boolean).length / ways.length
}

function both<F extends string>(
  facts: readonly F[],
  before: (fact: F) => number | undefined,
  after: (fact: F) => number | undefined,
): Partial<Record<F, LevelChange>> {
  const moves: Partial<Record<F, LevelChange>> = {}
  for (const fact of facts) {
    const [baseline, candidate] = [before(fact), after(fact)]
    if (baseline !== undefined && candidate !== undefined) moves[fact] = { baseline, candidate }
  }
  return moves
}

function stepMean(runs: readonly ComparableRun[], step: string, fact: StepFact): number | undefined {
  let [sum, answers] = [0, 0]
  for (const run of runs) {
    const reported: unknown = Reflect.get(run.endpoints[step] ?? {}, 'server')
    if (typeof reported !== 'object' || reported === null) continue
    const [value, count]: unknown[] = [Reflect.get(reported, fact), Reflect.get(reported, 'answers')]
    if (typeof value !== 'number' || typeof count !== 'number') continue
    sum += value * count
    answers += count
  }
  return answers === 0 ? undefined : sum / answers
}

/** An answer whose trace was recorded. */
export interface TracedAnswer {
  traceId: string
  latencyMs: number
}

const most = 3

/** The slowest few of them, slowest first. */
export function pickSlowest(answers: readonly TracedAnswer[]): TracedAnswer[] {
  return answers.toSorted((a, b) => b.latencyMs - a.latencyMs).slice(0, most)
}

/**
 * The slowest traced answers of a step, or of all, over the units of a side: each unit keeps its slowest few
 * as `slowest` of an endpoint.
 *
 * @param step `journey/step`, or null for all
 */
export function slowestTraces(runs: readonly ComparableRun[], step: string | null): TracedAnswer[] {
  const endpoints = runs.flatMap((run) =>
    step === null ? Object.values(run.endpoints) : (run.endpoints[step] ?? []),
  )
  return pickSlowest(
    endpoints.flatMap((endpoint): TracedAnswer[] => {
      const kept: unknown = Reflect.get(endpoint, 'slowest')
      return Array.isArray(kept) ? kept.filter(isTraced) : []
    }),
  )
}

// A record may come from a file.
function isTraced(value: unknown): value is TracedAnswer {
  return (
    typeof value === 'object' &&
    value !== null &&
    'traceId' in value &&
    typeof value.traceId === 'string' &&
    /^[0-9a-f]{32}$/.test(value.traceId) &&
    'latencyMs' in value &&
    typeof value.latencyMs === 'number' &&
    Number.isFinite(value.latencyMs)
  )
}
