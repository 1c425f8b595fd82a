import { formatChange } from '../compare/wording.ts'
import type { DuetUnits } from '../duet/units.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'
import { amount } from '../wording.ts'
import {
  agreement,
  compareProcessFacts,
  compareStepFacts,
  processFacts,
  slowestTraces,
  stepFacts,
} from './facts.ts'
import type { LevelChange, ProcessFact, StepFact, TracedAnswer } from './facts.ts'

/** Where a fail shows, and what moved with it on the server's side. */
export interface Explanation {
  /** `journey/step`, or null: the overall run, or the process. */
  step: string | null
  /** What is worse, with its effect. */
  effect: string
  /** What the service itself reports about it, one sentence each. */
  moved: string[]
  /** The candidate's slowest answers there whose traces were recorded: where to look next. */
  traces: TracedAnswer[]
}

const mostSteps = 4
/** Less than this is what fresh copies of one process differ by. */
const leastMove = 0.05
const leastMoveMs = 0.02
/** A figure of the process that goes one way in fewer of its units goes no way. */
const leastAgreement = 0.75

/** Explains a fail by what both sides reported meanwhile. Nothing for any other verdict. */
export function explainFail(verdict: Verdict, units: DuetUnits): Explanation[] {
  if (verdict.verdict !== 'fail') return []
  const failed = verdict.rows.filter((row) => row.status === 'fail')
  const steps = [...new Set(failed.flatMap((row) => row.step ?? []))].slice(0, mostSteps)
  const named = steps.map((step): Explanation => ({
    step,
    effect: describeEffect(failed.filter((row) => row.step === step)),
    moved: stepSentences(units, step),
    traces: slowestTraces(units.candidate, step),
  }))
  const overall = failed.filter((row) => row.step === null)
  const process = processSentences(
    units,
    steps.some((step) => isInApplication(units, step)),
  )
  const reported = [
    ...(failed.some((row) => row.metric === 'errorRate') ? failureSentences(units) : []),
    ...process,
  ]
  if (overall.length === 0 && reported.length === 0) return named
  return [
    ...named,
    {
      step: null,
      effect: overall.length > 0 ? describeEffect(overall) : 'the process',
      moved: reported.length > 0 ? reported : unexplained(units, named),
      traces: named.length > 0 ? [] : slowestTraces(units.candidate, null),
    },
  ]
}

/** All evidence about one place, a sentence each: what moved, and which traces to open. */
export function listEvidence({ moved, traces }: Explanation): string[] {
  return traces.length === 0
    ? moved
    : [
        ...moved,
        'slowest traces: ' +
          traces.map(({ traceId, latencyMs }) => `${traceId} (${amount('ms', latencyMs)})`).join(', '),
      ]
}

/** One place as one line. */
export function formatExplanation(why: Explanation): string {
  return `${why.step ?? 'overall'}: ${[why.effect, ...listEvidence(why)].join('; ')}`
}

const mostFailures = 4

/** Where the candidate's errors were, and of which class: most of them first. */
function failureSentences({ candidate }: DuetUnits): string[] {
  const counts = new Map<string, number>()
  for (const { step, class: failure, count } of candidate.flatMap((run) => run.failures ?? [])) {
    const place = `${step ?? 'arrivals'} (${failure})`
    counts.set(place, (counts.get(place) ?? 0) + count)
  }
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, mostFailures)
    .map(([place, count]) => `${count} failed in ${place}`)
}

function describeEffect(rows: readonly VerdictRow[]): string {
  return rows
    .map((row) =>
      row.ratio === undefined || row.rule === 'exact'
        ? row.message
        : `${label(row.metric)} ${formatChange(row.ratio)}`,
    )
    .join(', ')
}

const labels: Record<string, string> = {
  p50Ms: 'p50',
  p95Ms: 'p95',
  p99Ms: 'p99',
  throughputRps: 'throughput',
  errorRate: 'errors',
  cpuMsPerRequest: 'CPU per request',
  databaseCpuMsPerRequest: 'CPU of the database per request',
}

function label(metric: string): string {
  return labels[metric] ?? metric
}

const stepWords: Record<StepFact, { name: string; unit: 'ms' | 'count' }> = {
  dbMs: { name: 'time in the database', unit: 'ms' },
  statements: { name: 'SQL statements', unit: 'count' },
  rows: { name: 'rows', unit: 'count' },
  appMs: { name: 'time in the application', unit: 'ms' },
}

function stepSentences(units: DuetUnits, step: string): string[] {
  const moves = compareStepFacts(units, step)
  return stepFacts.flatMap((fact) => {
    const moved = moves[fact]
    if (moved === undefined || !isNotable(moved, stepWords[fact].unit === 'ms' ? leastMoveMs : 0.01))
      return []
    const figure = (value: number): string =>
      stepWords[fact].unit === 'ms' ? amount('ms', value) : String(Number(value.toPrecision(4)))
    return [`${stepWords[fact].name} ${figure(moved.baseline)} → ${figure(moved.candidate)} a request`]
  })
}

function isNotable({ baseline, candidate }: LevelChange, least: number): boolean {
  return Math.abs(candidate - baseline) >= Math.max(least, Math.abs(baseline) * leastMove)
}

/** Whether what a step takes longer is spent in the application, and not mostly in the database. */
function isInApplication(units: DuetUnits, step: string): boolean {
  const { appMs, dbMs } = compareStepFacts(units, step)
  const app = appMs === undefined ? 0 : appMs.candidate - appMs.baseline
  return app >= leastMoveMs && app > (dbMs === undefined ? 0 : dbMs.candidate - dbMs.baseline)
}

const processWords: Record<
  ProcessFact,
  { name: string; figure: (value: number) => string; least: number; better?: 'more' }
> = {
  cpuMsPerRequest: { name: 'CPU per request', figure: (value) => amount('ms', value), least: leastMoveMs },
  databaseCpuMsPerRequest: {
    name: 'CPU of the database per request',
    figure: (value) => amount('ms', value),
    least: leastMoveMs,
  },
  gcMsPerRequest: {
    name: 'garbage collection per request',
    figure: (value) => amount('ms', value),
    least: leastMoveMs,
  },
  eventLoopP99Ms: { name: 'event loop p99', figure: (value) => amount('ms', value), least: 1 },
  rssMaxBytes: { name: 'memory', figure: (value) => amount('bytes', value), least: 10e6 },
  cacheHitRatio: {
    name: 'cache hits',
    figure: (value) => amount('ratio', value),
    least: 0.02,
    better: 'more',
  },
  dbMsPerRequest: {
    name: 'time in the database per request',
    figure: (value) => amount('ms', value),
    least: leastMoveMs,
  },
  statementsPerRequest: {
    name: 'SQL statements per request',
    figure: (value) => String(Number(value.toPrecision(3))),
    least: 0.01,
  },
}

function processSentences(units: DuetUnits, inApplication: boolean): string[] {
  const moves = compareProcessFacts(units)
  const sentences = processFacts.flatMap((fact) => {
    const moved = moves[fact]
    const { name, figure, least, better } = processWords[fact]
    if (
      moved === undefined ||
      !isNotable(moved, least) ||
      moved.candidate > moved.baseline === (better === 'more') ||
      agreement(units, fact, moved) < leastAgreement
    )
      return []
    const change = moved.baseline > 0 ? ` (${formatChange(moved.candidate / moved.baseline)})` : ''
    return [`${name} ${figure(moved.baseline)} → ${figure(moved.candidate)}${change}`]
  })
  const { cpuMsPerRequest: cpu } = moves
  // Time that passes without being spent: what a profiler of the CPU would not find.
  const waits = inApplication && cpu !== undefined && !isNotable(cpu, leastMoveMs)
  return waits
    ? [
        ...sentences,
        'CPU per request did not move: the application waits there (a lock, a pool, a timer), it ' +
          'does not compute',
      ]
    : sentences
}

/** Says only what was measured: a service that reports nothing may spend the time anywhere. */
function unexplained(units: DuetUnits, named: readonly Explanation[]): string[] {
  if (named.some(({ moved }) => moved.length > 0)) return []
  const moves = compareProcessFacts(units)
  const measured = processFacts.flatMap((fact) => (moves[fact] === undefined ? [] : processWords[fact].name))
  const steps = named.flatMap(({ step }) => (step === null ? [] : compareStepFacts(units, step)))
  const isTimed =
    steps.length > 0 && steps.every(({ appMs, dbMs }) => appMs !== undefined && dbMs !== undefined)
  const start = 'nothing that the service reports moved with it'
  if (isTimed)
    return [
      `${start}: the time passes outside of what it measures (accepting, reading, writing, the network)`,
    ]
  if (measured.length === 0)
    return [
      `${start}: it reports no figures, and its process was not measured, so the cause is not known; ` +
        'set target.metrics, or target.command so that vigil starts it',
    ]
  return [
    `${start}; measured: ${measured.join(', ')}. The time inside and outside of the service is not known`,
  ]
}
