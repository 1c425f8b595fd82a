import { change } from '../compare/wording.ts'
import type { DuetUnits } from '../duet/units.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'
import { amount } from '../wording.ts'
import { agreement, processFacts, processMoves, stepFacts, stepMoves } from './facts.ts'
import type { Moved, ProcessFact, StepFact } from './facts.ts'
import { slowestTraces } from './traces.ts'
import type { TracedAnswer } from './traces.ts'

/** Where a fail shows, and what moved with it on the server's side. */
export interface Why {
  /** `journey/step`, or null: the whole, or the process. */
  step: string | null
  /** What is worse, with its effect. */
  effect: string
  /** What the service itself tells of it, one sentence each. */
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

/** Explains a fail by what both sides told meanwhile. Nothing for any other verdict. */
export function whyOf(verdict: Verdict, units: DuetUnits): Why[] {
  if (verdict.verdict !== 'fail') return []
  const failed = verdict.rows.filter((row) => row.status === 'fail')
  const steps = [...new Set(failed.flatMap((row) => row.step ?? []))].slice(0, mostSteps)
  const named = steps.map((step): Why => ({
    step,
    effect: effectOf(failed.filter((row) => row.step === step)),
    moved: stepSentences(units, step),
    traces: slowestTraces(units.candidate, step),
  }))
  const whole = failed.filter((row) => row.step === null)
  const process = processSentences(
    units,
    steps.some((step) => isInApplication(units, step)),
  )
  const told = [
    ...(failed.some((row) => row.metric === 'errorRate') ? failureSentences(units) : []),
    ...process,
  ]
  if (whole.length === 0 && told.length === 0) return named
  return [
    ...named,
    {
      step: null,
      effect: whole.length > 0 ? effectOf(whole) : 'the process',
      moved: told.length > 0 ? told : unexplained(named),
      traces: named.length > 0 ? [] : slowestTraces(units.candidate, null),
    },
  ]
}

/** All that is told of one place, a sentence each: what moved, and which traces to open. */
export function evidenceOf({ moved, traces }: Why): string[] {
  return traces.length === 0
    ? moved
    : [
        ...moved,
        `slowest traces: ${traces.map(({ traceId, latencyMs }) => `${traceId} (${amount('ms', latencyMs)})`).join(', ')}`,
      ]
}

/** One place as one line. */
export function whyLine(why: Why): string {
  return `${why.step ?? 'the whole'}: ${[why.effect, ...evidenceOf(why)].join('; ')}`
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

function effectOf(rows: readonly VerdictRow[]): string {
  return rows
    .map((row) =>
      row.ratio === undefined || row.rule === 'exact'
        ? row.message
        : `${label(row.metric)} ${change(row.ratio)}`,
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
  const moves = stepMoves(units, step)
  return stepFacts.flatMap((fact) => {
    const moved = moves[fact]
    if (moved === undefined || !movesEnough(moved, stepWords[fact].unit === 'ms' ? leastMoveMs : 0.01))
      return []
    const figure = (value: number): string =>
      stepWords[fact].unit === 'ms' ? amount('ms', value) : String(Number(value.toPrecision(4)))
    return [`${stepWords[fact].name} ${figure(moved.baseline)} → ${figure(moved.candidate)} a request`]
  })
}

function movesEnough({ baseline, candidate }: Moved, least: number): boolean {
  return Math.abs(candidate - baseline) >= Math.max(least, Math.abs(baseline) * leastMove)
}

/** Whether what a step takes longer is spent in the application, and not mostly in the database. */
function isInApplication(units: DuetUnits, step: string): boolean {
  const { appMs, dbMs } = stepMoves(units, step)
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
  const moves = processMoves(units)
  const sentences = processFacts.flatMap((fact) => {
    const moved = moves[fact]
    const { name, figure, least, better } = processWords[fact]
    if (
      moved === undefined ||
      !movesEnough(moved, least) ||
      moved.candidate > moved.baseline === (better === 'more') ||
      agreement(units, fact, moved) < leastAgreement
    )
      return []
    return [
      `${name} ${figure(moved.baseline)} → ${figure(moved.candidate)}${moved.baseline > 0 ? ` (${change(moved.candidate / moved.baseline)})` : ''}`,
    ]
  })
  const { cpuMsPerRequest: cpu } = moves
  // Time that passes without being spent: what a profiler of the CPU would not find.
  const waits = inApplication && cpu !== undefined && !movesEnough(cpu, leastMoveMs)
  return waits
    ? [
        ...sentences,
        'CPU per request did not move: the application waits there (a lock, a pool, a timer), it does not compute',
      ]
    : sentences
}

function unexplained(named: readonly Why[]): string[] {
  return named.some(({ moved }) => moved.length > 0)
    ? []
    : [
        'nothing that the service tells moved with it: the time passes outside of what it measures (accepting, reading, writing, the network)',
      ]
}
