import { readFact, meanOfKnown } from '../../baselines/duet/index.ts'
import { pickSlowest } from '../../baselines/why/index.ts'
import type { TracedAnswer } from '../../baselines/why/index.ts'
import type { Journey } from '../../journeys/index.ts'
import {
  countOf,
  endpointOf,
  histogramOf,
  mergeHistograms,
  roundMicros,
  totalsOf,
  toOneLine,
} from '../../record/index.ts'
import type { Counts, Endpoint, Failure, Run, ServerSide } from '../../record/index.ts'
import { requestFailureClasses } from '../engines/k6/k6-runtime/metrics.ts'
import type { PlayedJourney, Side } from '../engines/k6/k6-runtime/wire.ts'
import { readAnswers } from './answers.ts'
import type { ServerTiming, StepAnswer } from './answers.ts'
import type { Unit } from './units.ts'

/** Facts that are the same in every record of a side. */
export interface SideFacts {
  suite: string
  target: Run['target']
  environment: Run['environment']
  ratePerSecond: number
  /** For the reader of the records. */
  note?: string | undefined
}

/**
 * Costs that a service reports of its answers: means over a step's answers of a unit. A field of a duet's
 * endpoints only.
 */
export type ServerMeans = { answers: number } & ServerTiming

/** `slowest`: the slowest answers whose traces the service has recorded. */
export type DuetEndpoint = Endpoint & { server?: ServerMeans; slowest?: TracedAnswer[] }
export type DuetRun = Run & { endpoints: Record<string, DuetEndpoint> }

/**
 * The engine's name in a duet's records: its latencies are measured under another load than a suite's own.
 */
export const duetEngine = 'k6-duet'

/** How a record is labelled. */
export interface RecordLabel {
  id: string
  startedAt: string
}

/**
 * Builds the run record of one side of a unit, so that a duet is compared like any runs, and can be judged
 * again from its files.
 *
 * @param server readings of the process during the unit
 */
export function buildUnitRecord(
  side: Side,
  unit: Unit,
  journeys: readonly Journey[],
  facts: SideFacts,
  { id, startedAt }: RecordLabel,
  server: ServerSide,
): DuetRun {
  const played = unit.pairs.map((pair) => pair[side])
  const durationMs = (unit.pairs.length / facts.ratePerSecond) * 1000
  const answers = played.flatMap((journey) => readAnswers(journey, journeys))
  const byStep = Object.entries(Object.groupBy(answers, ({ key }) => key)).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  )
  const counts = byStep.map(([key, steps = []]) => ({ key, steps, ...countAnswers(steps) }))
  const failures = toFailures(answers, played)
  return {
    schema: 'vigil.run/1',
    id,
    suite: facts.suite,
    engine: duetEngine,
    target: facts.target,
    environment: facts.environment,
    startedAt,
    durationMs,
    load: { model: 'arrival-rate', ratePerSecond: facts.ratePerSecond },
    totals: totalsOf(counts, 0, durationMs),
    endpoints: Object.fromEntries(
      counts.map(({ key, steps, ...count }) => [
        key,
        { ...endpointOf(count, durationMs), ...averageTimings(steps), ...selectSlowest(steps) },
      ]),
    ),
    server: { ...server, ...perRequest(answers) },
    ...(failures.length > 0 && { failures }),
    ...(facts.note !== undefined && { notes: [facts.note] }),
    validity: { valid: true, reasons: [] },
  }
}

function countAnswers(steps: readonly StepAnswer[]): Counts {
  const latencies = steps.map(({ latencyMs }) => latencyMs).filter((ms) => ms >= 0)
  return {
    requests: steps.length,
    errors: steps.filter(({ failure }) => failure !== 0).length,
    histogram: histogramOf(latencies),
    latencySumMs: latencies.reduce((sum, ms) => sum + ms, 0),
  }
}

const timingFields = ['appMs', 'dbMs', 'statements', 'rows'] as const satisfies (keyof ServerTiming)[]

function averageTimings(steps: readonly StepAnswer[]): { server?: ServerMeans } {
  const reported = steps.filter(({ timing }) => Object.keys(timing).length > 0)
  if (reported.length === 0) return {}
  const means = timingFields.flatMap((field) => average(reported, field).map((mean) => [field, mean]))
  return { server: { answers: reported.length, ...Object.fromEntries(means) } }
}

function selectSlowest(steps: readonly StepAnswer[]): { slowest?: TracedAnswer[] } {
  const traced = steps.flatMap(({ traceId, latencyMs }) =>
    traceId === undefined ? [] : [{ traceId, latencyMs: roundMicros(latencyMs) }],
  )
  return traced.length === 0 ? {} : { slowest: pickSlowest(traced) }
}

/** The mean of a field over the answers that have it; none when no answer has it. */
function average(answers: readonly StepAnswer[], field: keyof ServerTiming): [] | [number] {
  const values = answers.map(({ timing }) => timing[field]).filter((value) => value !== undefined)
  if (values.length === 0) return []
  return [roundMicros(values.reduce((sum, value) => sum + value, 0) / values.length)]
}

function perRequest(answers: readonly StepAnswer[]): ServerSide {
  const [[db], [statements]] = [average(answers, 'dbMs'), average(answers, 'statements')]
  return {
    ...(db !== undefined && { dbMsPerRequest: db }),
    ...(statements !== undefined && { statementsPerRequest: statements }),
  }
}

function toFailures(answers: readonly StepAnswer[], played: readonly PlayedJourney[]): Failure[] {
  const failed = Map.groupBy(
    answers.filter(({ failure }) => failure !== 0),
    ({ key, failure }) => `${failure} ${key}`,
  )
  const problem = played.find(([, , , , , text]) => text !== undefined)?.[5]
  // The problems are not recorded by step, so one is only an example where all failures are alike.
  const example = problem === undefined || failed.size > 1 ? {} : { example: toOneLine(problem) }
  return [...failed.values()].flatMap((same): Failure[] => {
    const [first] = same
    const failure = requestFailureClasses[(first?.failure ?? 1) - 1]
    return first === undefined || failure === undefined
      ? []
      : [{ step: first.key, class: failure, count: same.length, ...example }]
  })
}

const averagedFacts = ['cpuMsPerRequest', 'dbMsPerRequest', 'statementsPerRequest', 'eventLoopP99Ms'] as const

const maxFailures = 100

/**
 * Merges all units of a side into one record for reports: histograms added up, costs averaged. Undefined when
 * there is no unit.
 */
export function mergeUnitRecords(
  runs: readonly Run[],
  id: string,
  verdict: { reasons: string[]; interrupted: boolean },
): Run | undefined {
  const [first] = runs
  if (first === undefined) return undefined
  const durationMs = runs.reduce((sum, run) => sum + run.durationMs, 0)
  const steps = [...new Set(runs.flatMap(({ endpoints }) => Object.keys(endpoints)))].toSorted()
  const counts = steps.map((step) => [step, sumCounts(runs, step)] as const)
  return {
    ...first,
    id,
    durationMs,
    totals: totalsOf(
      counts.map(([, count]) => count),
      0,
      durationMs,
    ),
    endpoints: Object.fromEntries(counts.map(([step, count]) => [step, endpointOf(count, durationMs)])),
    server: averageServer(runs),
    generator: {},
    failures: runs.flatMap(({ failures }) => failures ?? []).slice(0, maxFailures),
    validity: { valid: verdict.reasons.length === 0, reasons: verdict.reasons },
    ...(verdict.interrupted && { interrupted: true }),
  }
}

function sumCounts(runs: readonly Run[], step: string): Counts {
  const endpoints = runs.flatMap((run) => run.endpoints[step] ?? [])
  const sum = (pick: (endpoint: Endpoint) => number): number =>
    endpoints.reduce((total, endpoint) => total + pick(endpoint), 0)
  return {
    requests: sum(({ requests }) => requests),
    errors: sum(({ errors }) => errors),
    histogram: mergeHistograms(endpoints.map(({ histogram }) => histogram)),
    // A mean is one of answers: requests without an answer have no latency.
    latencySumMs: sum(({ latency, histogram }) => latency.meanMs * countOf(histogram)),
  }
}

function averageServer(runs: readonly Run[]): ServerSide {
  const server: ServerSide = {}
  for (const fact of averagedFacts) {
    const mean = meanOfKnown(runs.map((run) => readFact(run, 'server', fact)))
    if (mean !== undefined) server[fact] = mean
  }
  const rss = Math.max(...runs.map((run) => run.server?.rssMaxBytes ?? 0))
  return rss > 0 ? { ...server, rssMaxBytes: rss } : server
}
