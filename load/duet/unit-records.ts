import { addPair, closeUnit, exactMetrics, noTally } from '../../baselines/exact/index.ts'
import type { ExactMetric, ExactTallies } from '../../baselines/exact/index.ts'
import { stepKey } from '../../journeys/index.ts'
import type { Journey } from '../../journeys/index.ts'
import { requestFailureClasses } from '../engines/k6/k6-runtime/wire.ts'
import { endpointOf, histogramOf, roundMicros, toOneLine, totalsOf } from '../../record/index.ts'
import type { Endpoint, Failure, Run, ServerSide } from '../../record/index.ts'
import { slowest } from '../../baselines/why/index.ts'
import type { TracedAnswer } from '../../baselines/why/index.ts'
import type { Side } from './inside/sides.ts'
import type { Played, PlayedStep } from './inside/wire.ts'
import { readServerTiming } from './server-timing.ts'
import type { ServerTiming } from './server-timing.ts'
import type { PlayedPair, Unit } from './units.ts'

/** What is the same in every record of a side. */
export interface SideFacts {
  suite: string
  target: Run['target']
  environment: Run['environment']
  ratePerSecond: number
}

/** What a service says its answers cost it, means over a step's answers of a unit. A field of ours in an endpoint. */
export type ServerMeans = { answers: number } & ServerTiming

/** `slowest`: the slowest answers whose traces the service has recorded. */
export type DuetEndpoint = Endpoint & { server?: ServerMeans; slowest?: TracedAnswer[] }
export type DuetRun = Run & { endpoints: Record<string, DuetEndpoint> }

/** The engine's name in a duet's records: its latencies are of another load than a suite's own. */
export const duetEngine = 'k6-duet'

/** A step as it was played, with its name and what its header says. */
interface Answered {
  key: string
  latencyMs: number
  failure: number
  bytes: number
  timing: ServerTiming
  traceId: string | undefined
}

/**
 * One side of a unit as a run record, so that a duet is compared like any runs, and again later from its files.
 *
 * @param id of the record
 * @param server what was read of the process meanwhile
 */
export function unitRecord(
  side: Side,
  unit: Unit,
  journeys: readonly Journey[],
  facts: SideFacts,
  id: string,
  startedAt: string,
  server: ServerSide,
): DuetRun {
  const played = unit.pairs.map((pair) => pair[side])
  const durationMs = (unit.pairs.length / facts.ratePerSecond) * 1000
  const answers = played.flatMap((journey) => answersOf(journey, journeys))
  const byStep = Object.entries(Object.groupBy(answers, ({ key }) => key)).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  )
  const counts = byStep.map(([key, steps = []]) => ({ key, steps, ...countsOf(steps) }))
  const failures = failuresOf(answers, played)
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
        { ...endpointOf(count, durationMs), ...meansOf(steps), ...slowestOf(steps) },
      ]),
    ),
    server: { ...server, ...perRequest(answers) },
    ...(failures.length > 0 && { failures }),
    validity: { valid: true, reasons: [] },
  }
}

/** Whether a journey was cut short by a failure: it may have left behind what it would have taken away, on that side alone. */
export function isCutShort([, , , , steps]: Played): boolean {
  return steps.some(([, failure]) => failure !== 0)
}

/**
 * The counts of a unit's answers, pair by pair: only where both sides answered as expected.
 *
 * @param isLeftOut of a pair: what its user finds differs from side to side for another reason than the code
 */
export function exactTalliesOf(
  unit: Unit,
  journeys: readonly Journey[],
  isLeftOut: (pair: PlayedPair) => boolean = () => false,
): ExactTallies {
  const tallies: ExactTallies = {}
  for (const pair of unit.pairs) {
    if (isLeftOut(pair)) continue
    const { baseline, candidate } = pair
    const theirs = answersOf(candidate, journeys)
    for (const [index, mine] of answersOf(baseline, journeys).entries()) {
      const other = theirs[index]
      if (other === undefined || mine.failure !== 0 || other.failure !== 0) continue
      const step = (tallies[mine.key] ??= {})
      for (const metric of exactMetrics) {
        const [b, c] = [countIn(mine, metric), countIn(other, metric)]
        if (b !== undefined && c !== undefined) step[metric] = addPair(step[metric] ?? noTally, b, c)
      }
    }
  }
  return closeUnit(tallies)
}

function countIn({ bytes, timing }: Answered, metric: ExactMetric): number | undefined {
  if (metric !== 'bytes') return timing[metric]
  return bytes < 0 ? undefined : bytes
}

function answersOf([, journey, , , steps]: Played, journeys: readonly Journey[]): Answered[] {
  const { name, steps: known } = journeys[journey] ?? { name: 'unknown', steps: [] }
  return steps.map(([latencyMs, failure, bytes, header, traceId]: PlayedStep, index) => ({
    key: stepKey(name, known[index]?.name ?? 'unknown'),
    latencyMs,
    failure,
    bytes,
    timing: readServerTiming(header),
    traceId,
  }))
}

function countsOf(steps: readonly Answered[]) {
  const latencies = steps.map(({ latencyMs }) => latencyMs).filter((ms) => ms >= 0)
  return {
    requests: steps.length,
    errors: steps.filter(({ failure }) => failure !== 0).length,
    histogram: histogramOf(latencies),
    latencySumMs: latencies.reduce((sum, ms) => sum + ms, 0),
  }
}

const timingFields = ['appMs', 'dbMs', 'statements', 'rows'] as const satisfies (keyof ServerTiming)[]

function meansOf(steps: readonly Answered[]): { server?: ServerMeans } {
  const told = steps.filter(({ timing }) => Object.keys(timing).length > 0)
  if (told.length === 0) return {}
  return {
    server: {
      answers: told.length,
      ...Object.fromEntries(
        timingFields.flatMap((field) => meanOf(told, field).map((mean) => [field, mean])),
      ),
    },
  }
}

function slowestOf(steps: readonly Answered[]): { slowest?: TracedAnswer[] } {
  const traced = steps.flatMap(({ traceId, latencyMs }) =>
    traceId === undefined ? [] : [{ traceId, latencyMs: roundMicros(latencyMs) }],
  )
  return traced.length === 0 ? {} : { slowest: slowest(traced) }
}

function meanOf(answers: readonly Answered[], field: keyof ServerTiming): number[] {
  const values = answers.map(({ timing }) => timing[field]).filter((value) => value !== undefined)
  return values.length === 0
    ? []
    : [roundMicros(values.reduce((sum, value) => sum + value, 0) / values.length)]
}

function perRequest(answers: readonly Answered[]): ServerSide {
  const [db, statements] = [meanOf(answers, 'dbMs')[0], meanOf(answers, 'statements')[0]]
  return {
    ...(db !== undefined && { dbMsPerRequest: db }),
    ...(statements !== undefined && { statementsPerRequest: statements }),
  }
}

function failuresOf(answers: readonly Answered[], played: readonly Played[]): Failure[] {
  const failed = Map.groupBy(
    answers.filter(({ failure }) => failure !== 0),
    ({ key, failure }) => `${failure} ${key}`,
  )
  const problem = played.find((step) => step[5] !== undefined)?.[5]
  const example = problem === undefined ? undefined : toOneLine(problem)
  return [...failed.values()].flatMap((same) => {
    const [first] = same
    const failure = requestFailureClasses[(first?.failure ?? 1) - 1]
    return first === undefined || failure === undefined
      ? []
      : [
          {
            step: first.key,
            class: failure,
            count: same.length,
            ...(example !== undefined && failed.size === 1 && { example }),
          },
        ]
  })
}
