import { median } from '../../../record/statistics/index.ts'
import { minRuns } from '../../../baselines/change-points/index.ts'
import type { HistoryMetric, LocatedChange } from '../../../baselines/change-points/index.ts'
import { unknownKey } from '../../../record/history/index.ts'
import type { RunEntry, Series } from '../../../record/history/index.ts'
import { amount } from '../../../baselines/index.ts'
import { cleanText, formatRate, notMeasured, shortRevision } from '../../../reports/wording/index.ts'

/** The newest runs of a series, oldest first, and the change points. */
export interface HistoryGroup extends Series {
  runs: RunEntry[]
  /** The number of runs, including those not in `runs`. */
  all: number
  changes: LocatedChange[]
}

/** How many of the newest runs are printed. */
const mostLines = 20

/** A series for people: its trend in one line, its changes, its newest runs. */
export function groupText(
  { suite, engine, environment, target, load, all, runs, changes }: HistoryGroup,
  metric: HistoryMetric,
  width: number,
): string {
  const shown = runs.slice(-mostLines)
  const first = runs.length - shown.length
  const cells = shown.map((run) => toCells(run, metric))
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
      ...here.map((change) => `  ─ ${changeText(change, runs)}`),
      `  ${row.filter((cell) => cell !== '').join('  ')}`.trimEnd(),
    ].join('\n')
  })
  const older = changes
    .filter((change) => change.index < first)
    .map((change) => `  ─ ${changeText(change, runs)}, at run ${cleanText(runs[change.index]?.id ?? '', 80)}`)
  const few =
    runs.length < 2 * minRuns
      ? [
          `  ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}: ` +
            `change points need at least ${2 * minRuns} on`,
        ]
      : []
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
    ...few,
    ...older,
    ...lines,
  ].join('\n')
}

/** Runs of an older vigil whose record is gone have neither. */
function conditionsText({ target, load }: Pick<Series, 'target' | 'load'>): string {
  return target === unknownKey && load === unknownKey
    ? 'target and load unknown: the records of these runs are gone'
    : `${cleanText(load, 300)}, ${cleanText(target, 300)}`
}

/** Start, value, rate, revision and id. */
function toCells(run: RunEntry, metric: HistoryMetric): string[] {
  return [
    dayOf(run),
    `${metric} ${figure(metric, valueOf(run, metric))}`,
    ...(metric === 'throughputRps' ? [] : [figure('throughputRps', run.throughputRps)]),
    run.revision === null ? notMeasured : shortRevision(run.revision),
    cleanText(run.id, 200),
  ]
}

function stateText({ state, verdict }: RunEntry): string {
  if (state !== 'valid') return state
  return verdict === null || verdict === 'pass' ? '' : verdict
}

function changeText(
  { metric, before, after, pValue, within: [from, to] }: LocatedChange,
  runs: readonly RunEntry[],
): string {
  const percent =
    before > 0 ? ` (${after >= before ? '+' : '−'}${Math.abs((after / before - 1) * 100).toFixed(0)} %)` : ''
  const where = from === to ? 'here' : `about here, between ${dayOf(runs[from])} and ${dayOf(runs[to])}`
  const p = pValue < 0.001 ? '<0.001' : String(Number(pValue.toPrecision(1)))
  const values = `${figure(metric, before)} → ${figure(metric, after)}${percent}`
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

function valueOf({ errorRate, throughputRps, latency }: RunEntry, metric: HistoryMetric): number {
  if (metric === 'errorRate') return errorRate
  return metric === 'throughputRps' ? throughputRps : latency[metric]
}

function figure(metric: HistoryMetric, value: number): string {
  if (metric === 'throughputRps') return `${formatRate(value)} req/s`
  return amount(metric === 'errorRate' ? 'ratio' : 'ms', value)
}
