import { formatDuration, parseDuration } from '../drills/compression/promql.ts'
import type { AlertRule } from './rules.ts'

/** A series in the three stages of a case: just below the limit, over it, and recovered. `null`: absent. */
export interface SeriesTimeline {
  series: string
  /** `counter`: the increase of each step. `gauge`: the value. `age`: a timestamp this many seconds ago. */
  kind: 'counter' | 'gauge' | 'age'
  below: number | null
  over: number | null
  recovered: number | null
  /** The interval of the value. It is 0 in between. */
  every?: string
}

/** One alert through all three stages: what Prometheus must report, and when. */
export interface AlertCase {
  alert: string
  /** The `for` of the rule. The alert does not fire before it has passed. */
  for?: string
  timelines: readonly SeriesTimeline[]
  /** Labels in addition to those of the rule. */
  labels?: Readonly<Record<string, string>>
  /** It fires in every stage. */
  always?: true
  /** It fires in no stage: the change is too small. */
  never?: true
  /**
   * Series that must not fire: too few events, or those of another part. Each lasts as long as the stage over
   * the limit.
   */
  quiet?: Readonly<Record<string, readonly SeriesTimeline[]>>
  /**
   * Series that just exceed a limit, and must fire: the numbers of a case are far beyond it. Their stages are
   * those of the case.
   */
  barely?: Readonly<Record<string, readonly SeriesTimeline[]>>
  /** As rendered at the end of the stage over the limit. */
  summary: string
  description: string
  /** Lengths of the stages, where the ranges of the rule need other ones. */
  belowFor?: string
  overFor?: string
  recoveredFor?: string
  /** Time between samples. */
  step?: Step
  /** Time between evaluations, where it differs from the time between samples. */
  evaluation?: string
  /** Fires when there are no series at all, with these labels, summary and description. */
  absent?: readonly { labels: Readonly<Record<string, string>>; summary: string; description: string }[]
}

export type Step = '30s' | '5m' | '10m'

type Level = number | null
type SeriesBuilder = (series: string, below: Level, over: Level, recovered: Level) => SeriesTimeline

const seriesOf =
  (kind: SeriesTimeline['kind']): SeriesBuilder =>
  (series, below, over, recovered) => ({ series, kind, below, over, recovered })

export const counter = seriesOf('counter')
export const gauge = seriesOf('gauge')
export const age = seriesOf('age')

/** A series with the same value in all stages. */
export function steady(series: string, kind: SeriesTimeline['kind'], value: number): SeriesTimeline {
  return seriesOf(kind)(series, value, value, value)
}

/** A counter with the same increase in all stages. */
export function constant(series: string, each: number): SeriesTimeline {
  return steady(series, 'counter', each)
}

type Expectation = Omit<AlertCase, 'alert' | 'for'>

/** A case of a rule with `for: waits`; `undefined` where the rule has none. */
export function alertCase(alert: string, waits: string | undefined, expected: Expectation): AlertCase {
  return { alert, ...(waits !== undefined && { for: waits }), ...expected }
}

/** A case in which the alert fires in no stage. */
export function silentCase(
  alert: string,
  waits: string,
  stages: Omit<Expectation, 'summary' | 'description'>,
): AlertCase {
  return alertCase(alert, waits, { ...stages, never: true, summary: '', description: '' })
}

/** One test in a file for `promtool test rules`. */
export interface PromtoolTest {
  name: string
  interval: string
  input_series: { series: string; values: string }[]
  alert_rule_test: Check[]
  promql_expr_test?: { expr: string; eval_time: string; exp_samples: { labels: string; value: number }[] }[]
}

interface Check {
  eval_time: string
  alertname: string
  exp_alerts: {
    exp_labels: Readonly<Record<string, string>>
    exp_annotations: Readonly<Record<string, string>>
  }[]
}

/** What the test of an alert checks. Every alert needs all of them. */
export const kinds = ['below', 'waits', 'fires', 'resolves', 'absent'] as const

// Longer than the longest range in minutes, so that the end of a stage does not include samples of the
// previous one.
const defaultStageMs = 12 * 60_000

/**
 * The test of an alert: a stage just below its limit, one over it, and one recovered. It checks the end of
 * the first
 * stage, the last evaluation before `for` has passed, and the ends of the second and third stages.
 */
export function toTimelineTest(row: AlertCase, rule: AlertRule): PromtoolTest {
  const { stepMs, forMs, lengths } = stagesOf(row)
  const [below = 0, over = 0, recovered = 0] = lengths
  const alert = expectedAlerts(row, rule)
  const [firing, silent] = [row.never ? [] : alert, row.always ? alert : []]
  const at = (step: number, expected: Check['exp_alerts']): Check => ({
    eval_time: formatDuration(step * stepMs),
    alertname: row.alert,
    exp_alerts: expected,
  })
  return {
    name: `${row.alert}${row.never ? ' stays silent' : ''}`,
    interval: formatDuration(stepMs),
    input_series: row.timelines.map((timeline) => ({
      series: timeline.series,
      values: seriesValues(timeline, lengths, stepMs),
    })),
    alert_rule_test: [
      at(below - 1, silent),
      // The first sample over the limit is at `below`. Without a `for` the alert does not wait.
      ...(forMs === 0 ? [] : [at(below + Math.ceil(forMs / stepMs) - 1, silent)]),
      at(below + over - 1, firing),
      at(below + over + recovered - 1, silent),
    ],
  }
}

function stagesOf(row: AlertCase): { stepMs: number; forMs: number; lengths: number[] } {
  const stepMs = toMs(row.step ?? '30s')
  const forMs = toMs(row.for ?? '0s')
  const lengths = [
    toMs(row.belowFor) ?? defaultStageMs,
    toMs(row.overFor) ?? defaultStageMs + forMs,
    toMs(row.recoveredFor) ?? defaultStageMs + 8 * 60_000,
  ].map((ms) => Math.ceil(ms / stepMs))
  return { stepMs, forMs, lengths }
}

/** Tests of series that must fire, at the end of the stage over the limit. What they say is in the case. */
export function toBarelyTests(row: AlertCase): PromtoolTest[] {
  const { stepMs, lengths } = stagesOf(row)
  const [below = 0, over = 0] = lengths
  // The last evaluation: what it found is only known for 5 minutes.
  const evaluationMs = toMs(row.evaluation) ?? stepMs
  return Object.entries(row.barely ?? {}).map(([name, timelines]) => ({
    name: `${row.alert}: ${name}`,
    interval: formatDuration(stepMs),
    input_series: timelines.map((timeline) => ({
      series: timeline.series,
      values: seriesValues(timeline, lengths, stepMs),
    })),
    alert_rule_test: [],
    promql_expr_test: [
      {
        expr: `max(ALERTS{alertname="${row.alert}",alertstate="firing"})`,
        eval_time: formatDuration(Math.floor(((below + over - 1) * stepMs) / evaluationMs) * evaluationMs),
        exp_samples: [{ labels: '{}', value: 1 }],
      },
    ],
  }))
}

/** Tests of series that must not fire, for as long as the alert would take to fire. */
export function toQuietTests(row: AlertCase): PromtoolTest[] {
  const stepMs = toMs(row.step ?? '30s')
  const steps = Math.ceil((2 * defaultStageMs + toMs(row.for ?? '0s')) / stepMs)
  return Object.entries(row.quiet ?? {}).map(([name, timelines]) => ({
    name: `${row.alert}: ${name}`,
    interval: formatDuration(stepMs),
    input_series: timelines.map((timeline) => ({
      series: timeline.series,
      values: seriesValues(timeline, [0, steps, 0], stepMs),
    })),
    alert_rule_test: Array.from({ length: 4 }, (_, quarter) => ({
      eval_time: formatDuration(Math.ceil(((quarter + 1) * (steps - 1)) / 4) * stepMs),
      alertname: row.alert,
      exp_alerts: [],
    })),
  }))
}

/** The test without any series: no alert fires except those for missing series. */
export function toAbsentTest(
  rows: readonly AlertCase[],
  rules: ReadonlyMap<string, AlertRule>,
): PromtoolTest {
  const checks = [...rules.values()].map((rule) => {
    const own = rows.filter(({ alert }) => alert === rule.alert)
    const absent = own.flatMap((row) =>
      row.always
        ? expectedAlerts(row, rule)
        : (row.absent ?? []).flatMap((expected) => expectedAlerts({ ...row, ...expected }, rule)),
    )
    return { eval_time: '3h', alertname: rule.alert, exp_alerts: absent }
  })
  return { name: 'without any series', interval: '5m', input_series: [], alert_rule_test: checks }
}

function expectedAlerts(row: AlertCase, rule: AlertRule): Check['exp_alerts'] {
  const { summary, description } = row
  // A case becomes worse until its end, so that its last value is the worst.
  const worst = rule.annotations['worst'] === undefined ? {} : { worst: summary }
  const annotations = { ...rule.annotations, summary, description, ...worst }
  return [{ exp_labels: { ...rule.labels, ...row.labels }, exp_annotations: annotations }]
}

/** The samples of a series in the notation of promtool; `lengths` are the steps of each stage. */
export function seriesValues(
  timeline: SeriesTimeline,
  [below = 0, over = 0, recovered = 0]: readonly number[],
  stepMs: number,
): string {
  const levels = [
    ...repeat(timeline.below, below),
    ...repeat(timeline.over, over),
    ...repeat(timeline.recovered, recovered),
  ]
  const everySteps = timeline.every === undefined ? 1 : toMs(timeline.every) / stepMs
  let total = 0
  const values = levels.map((level, step) => {
    // A series that ends gets a stale marker. Without it, queries would return it for another 5 minutes.
    if (level === null) return typeof levels[step - 1] === 'number' ? 'stale' : '_'
    if (timeline.kind === 'age') return shortest((step * stepMs) / 1000 - level)
    if (timeline.kind === 'gauge') return shortest(step % everySteps === 0 ? level : 0)
    total += level
    return shortest(total)
  })
  return values.join(' ')
}

function repeat(level: number | null, length: number): (number | null)[] {
  return Array.from({ length }, () => level)
}

// Sums of tenths end in digits that are not significant.
function shortest(value: number): string {
  return String(Number(value.toPrecision(12)))
}

function toMs(text: string): number
function toMs(text: string | undefined): number | undefined
function toMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = parseDuration(text)
  if (ms === undefined) throw new Error(`${text} is not a duration`)
  return ms
}
