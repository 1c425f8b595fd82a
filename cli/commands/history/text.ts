import { median } from '../../../record/statistics/index.ts'
import { minRuns, runsUntil } from '../../../baselines/change-points/index.ts'
import type {
  Acknowledgement,
  History,
  HistoryMetric,
  LocatedChange,
  MetricDrift,
} from '../../../baselines/change-points/index.ts'
import { unknownKey } from '../../../record/history/index.ts'
import type { RunEntry, Series } from '../../../record/history/index.ts'
import { amount } from '../../../baselines/index.ts'
import type { Budgets } from '../../../baselines/index.ts'
import { cleanText, formatRate, notMeasured, shortRevision } from '../../../reports/wording/index.ts'

/** The newest runs of a series, oldest first, and what happened to them. */
export interface HistoryGroup extends Series, History {
  runs: RunEntry[]
  /** The number of runs, including those not in `runs`. */
  all: number
  budgets: Budgets
  /** The figures are values of a user script, which may have any unit. */
  isPlain?: boolean
  changes: (LocatedChange & { acknowledged?: Acknowledgement })[]
}

/** How many of the newest runs are printed. */
const mostLines = 20

/** A series for people: its trend in one line, its changes, its newest runs. */
export function groupText(
  { suite, engine, environment, target, load, all, runs, changes: found, ...rest }: HistoryGroup,
  metric: HistoryMetric,
  width: number,
): string {
  const { isPlain = false } = rest
  const shown = runs.slice(-mostLines)
  const changes = found.filter(({ acknowledged }) => acknowledged === undefined)
  const first = runs.length - shown.length
  const cells = shown.map((run) => toCells(run, metric, isPlain))
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  )
  // What the longest row leaves; an id is copied, so it is never cut.
  const room = width - widths.reduce((sum, cell) => sum + cell + 2, 0) - 'inconclusive'.length - 4
  const barWidth = room < 5 ? 0 : Math.min(20, room)
  const most = Math.max(...shown.map((run) => valueOf(run, metric)))
  const lines = shown.map((run, index) => {
    const here = changes.filter((change) => change.index === first + index)
    const bar = '▪'.repeat(most > 0 ? Math.round((valueOf(run, metric) / most) * barWidth) : 0)
    const row = [
      ...(cells[index] ?? []).map((cell, column) => cell.padEnd(widths[column] ?? 0)),
      bar,
      stateText(run),
    ]
    return [
      ...here.map((change) => `  ─ ${changeText(change, runs, isPlain)}`),
      `  ${row.filter((cell) => cell !== '').join('  ')}`.trimEnd(),
    ].join('\n')
  })
  const older = changes
    .filter((change) => change.index < first)
    .map(
      (change) =>
        `  ─ ${changeText(change, runs, isPlain)}, at run ${cleanText(runs[change.index]?.id ?? '', 80)}`,
    )
  const trend =
    runs.length > 1
      ? [
          `  ${metric} ${sparkline(
            runs.map((run) => (run.state === 'valid' && run.requests > 0 ? valueOf(run, metric) : undefined)),
            Math.max(10, width - metric.length - 3),
          )}`,
        ]
      : []
  const newest =
    all > runs.length
      ? `the newest ${runs.length} of ${all} runs`
      : `${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`
  return [
    `${cleanText(suite, 80)}  ${cleanText(engine, 40)}, environment ${cleanText(environment, 40)}: ` +
      `${newest}, ${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`,
    `  ${conditionsText({ target, load })}`,
    ...trend,
    ...trendLines({ runs, ...rest }),
    ...(runs.length < 2 * minRuns ? [fewRunsText(runs.length)] : []),
    ...acknowledgedLines(found, runs),
    ...older,
    ...lines,
  ].join('\n')
}

/** One line for each, at the top: what was explained is not drawn among the runs again. */
function acknowledgedLines(changes: HistoryGroup['changes'], runs: readonly RunEntry[]): string[] {
  return changes.flatMap(({ acknowledged, ...change }) =>
    acknowledged === undefined
      ? []
      : [
          `  acknowledged by ${cleanText(acknowledged.owner, 80)}: ${cleanText(acknowledged.reason)} ` +
            `(${change.metric} at run ${cleanText(runs[change.index]?.id ?? '', 80)})`,
        ],
  )
}

/** Runs of an older vigil whose record is gone have neither. */
function conditionsText({ target, load }: Pick<Series, 'target' | 'load'>): string {
  return target === unknownKey && load === unknownKey
    ? 'target and load unknown: the records of these runs are gone'
    : `${cleanText(load, 300)}, ${cleanText(target, 300)}`
}

/** Start, value, rate, revision and id. */
function toCells(run: RunEntry, metric: HistoryMetric, isPlain: boolean): string[] {
  return [
    dayOf(run),
    `${isPlain ? metric.replace(/Ms$/, '') : metric} ${figure(metric, valueOf(run, metric), isPlain)}`,
    ...(metric === 'throughputRps' || isPlain ? [] : [figure('throughputRps', run.throughputRps)]),
    run.revision === null ? notMeasured : shortRevision(run.revision),
    cleanText(run.id, 200),
  ]
}

function stateText({ state, verdict }: RunEntry): string {
  if (state !== 'valid') return state
  return verdict === null || verdict === 'pass' ? '' : verdict
}

function fewRunsText(count: number): string {
  return `  ${count} ${count === 1 ? 'run' : 'runs'}: change points need at least ${2 * minRuns} on`
}

/** Drifts and seasons, a line each: they have no single place among the runs. */
function trendLines({
  drifts,
  seasons,
  runs,
  budgets,
  isPlain = false,
}: Pick<HistoryGroup, 'drifts' | 'seasons' | 'runs' | 'budgets' | 'isPlain'>): string[] {
  const repeats = Object.entries(seasons).map(
    ([metric, period]) => `  ~ ${metric} repeats itself every ${period} runs, which is no change`,
  )
  return [...drifts.map((drift) => `  ╱ ${driftText(drift, runs, budgets, isPlain)}`), ...repeats]
}

export function driftText(
  drift: MetricDrift,
  runs: readonly RunEntry[],
  budgets: Budgets,
  isPlain: boolean,
): string {
  const { metric, from, to, before, after, slope, interval, isOngoing } = drift
  const [low, high] = interval.map(formatSlope)
  const reach = reachBudget(drift, runs, budgets)
  const ends = isOngoing ? '' : ` until ${dayOf(runs[to])}`
  const begins = from === 0 ? 'since the first of these runs' : `since ${dayOf(runs[from])}`
  return (
    `${metric} drifts ${formatSlope(slope)} a run (${low} to ${high}) ${begins}${ends}: ` +
    `${figure(metric, before, isPlain)} → ${figure(metric, after, isPlain)}` +
    (reach === undefined
      ? ''
      : `; reaches its budget of ${figure(metric, reach.limit)} in about ${reach.inRuns} runs` +
        (reach.at === undefined ? '' : `, ${reach.at.slice(0, 10)}`))
  )
}

function formatSlope(share: number): string {
  return `${share < 0 ? '−' : '+'}${Number(Math.abs(share * 100).toPrecision(2))} %`
}

/** A forecast further ahead is none: the drift will have ended by then. */
const furthestRuns = 1000

/**
 * When a drift that goes on reaches the budget of its metric: in how many runs, and when, if they come as
 * often as before. Undefined where it does not, or there is no budget.
 */
export function reachBudget(
  drift: MetricDrift,
  runs: readonly Pick<RunEntry, 'startedAt'>[],
  { p95Ms, p99Ms, meanMs, requestsPerMinute }: Budgets,
): { limit: number; inRuns: number; between: [number, number]; at?: string } | undefined {
  const throughputRps = requestsPerMinute === undefined ? undefined : requestsPerMinute / 60
  const limit = { p95Ms, p99Ms, meanMs, throughputRps, p50Ms: undefined, errorRate: undefined }[drift.metric]
  const until = limit === undefined ? undefined : runsUntil(drift, limit)
  // A budget of time is an upper limit, one of throughput a lower one.
  const isTowards = drift.slope > 0 === (drift.metric !== 'throughputRps')
  if (limit === undefined || until === undefined || !isTowards || until.runs > furthestRuns) return undefined
  const [first, last] = [runs[0], runs.at(-1)].map((run) => Date.parse(run?.startedAt ?? ''))
  const everyMs = ((last ?? Number.NaN) - (first ?? Number.NaN)) / (runs.length - 1)
  const atMs = (last ?? Number.NaN) + until.runs * everyMs
  const [soonest, latest] = until.between
  return {
    limit,
    inRuns: until.runs,
    between: [soonest, Math.min(latest, furthestRuns)],
    ...(Number.isFinite(atMs) && { at: new Date(atMs).toISOString() }),
  }
}

export function changeText(
  { metric, before, after, pValue, within: [from, to] }: LocatedChange,
  runs: readonly RunEntry[],
  isPlain: boolean,
): string {
  const percent =
    before > 0 ? ` (${after >= before ? '+' : '−'}${Math.abs((after / before - 1) * 100).toFixed(0)} %)` : ''
  const where = from === to ? 'here' : `about here, between ${dayOf(runs[from])} and ${dayOf(runs[to])}`
  const p = pValue < 0.001 ? '<0.001' : String(Number(pValue.toPrecision(1)))
  const values = `${figure(metric, before, isPlain)} → ${figure(metric, after, isPlain)}${percent}`
  return `${metric} ${values}, ${where}, p ${p}`
}

function dayOf(run: RunEntry | undefined): string {
  return run?.startedAt.slice(0, 16).replace('T', ' ') ?? ''
}

const blocks = '▁▂▃▄▅▆▇█'

/**
 * Values as a row of blocks from the lowest to the highest, at most `width` of them: of several that share
 * one the median is drawn. A gap is a space: what was not measured is no low value.
 */
export function sparkline(values: readonly (number | undefined)[], width: number): string {
  const columns = Math.min(values.length, width)
  const drawn = Array.from({ length: columns }, (_, column) =>
    median(
      values
        .slice(
          Math.floor((column * values.length) / columns),
          Math.floor(((column + 1) * values.length) / columns),
        )
        .filter((value) => value !== undefined),
    ),
  )
  const known = drawn.filter((value) => !Number.isNaN(value))
  const [low, high] = [Math.min(...known), Math.max(...known)]
  return drawn
    .map((value) =>
      Number.isNaN(value)
        ? ' '
        : (blocks[high === low ? 3 : Math.round(((value - low) / (high - low)) * (blocks.length - 1))] ??
          ' '),
    )
    .join('')
}

/** The newest run of each series, one line each. */
export function latestText(runs: readonly RunEntry[]): string {
  return runs
    .map(
      ({ suite, engine, environment, target, load, startedAt, verdict, id }) =>
        `${(verdict ?? 'not judged').toUpperCase().padEnd(12)}  ${cleanText(suite, 80)}  ` +
        `${cleanText(engine, 40)}, environment ${cleanText(environment, 40)}, ` +
        `${conditionsText({ target, load })}, ${startedAt.slice(0, 16).replace('T', ' ')}  ` +
        `${cleanText(id, 80)}\n`,
    )
    .join('')
}

export function valueOf({ errorRate, throughputRps, latency }: RunEntry, metric: HistoryMetric): number {
  if (metric === 'errorRate') return errorRate
  return metric === 'throughputRps' ? throughputRps : latency[metric]
}

function figure(metric: HistoryMetric, value: number, isPlain = false): string {
  if (isPlain && metric !== 'throughputRps' && metric !== 'errorRate')
    return String(Number(value.toPrecision(4)))
  if (metric === 'throughputRps') return `${formatRate(value)} req/s`
  return amount(metric === 'errorRate' ? 'ratio' : 'ms', value)
}
