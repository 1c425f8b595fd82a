import type { ComparableRun } from '../../record/index.ts'
import { median, normalUpperTail } from '../../record/statistics/index.ts'
import { toDrift } from './drift.ts'
import type { Drift } from './drift.ts'
import { decompose } from './ramps.ts'
import type { Decomposition } from './ramps.ts'
import { findSeason, seasonAt } from './season.ts'
import type { Season } from './season.ts'
import { removeSpikes, scales } from './robust.ts'
import { retestSteps } from './segments.ts'
import type { Step, StepRules } from './segments.ts'

export const historyMetrics = ['p50Ms', 'p95Ms', 'p99Ms', 'meanMs', 'errorRate', 'throughputRps'] as const
export type HistoryMetric = (typeof historyMetrics)[number]

/** p99 of a single run is mostly chance, so it is not examined by default. */
export const defaultMetrics: readonly HistoryMetric[] = [
  'p50Ms',
  'p95Ms',
  'meanMs',
  'errorRate',
  'throughputRps',
]

/** A lasting change of level. */
export interface ChangePoint {
  /** The first run after the change, in the series as it was given. */
  index: number
  metric: HistoryMetric
  /** Medians of the runs between this change and its neighbours. */
  before: number
  after: number
  /** Of so large a step anywhere in a series this long without one (Bonferroni over its places). */
  pValue: number
}

/** A change with the runs between which it lies, in the series as it was given. */
export interface LocatedChange extends ChangePoint {
  /** The first run after the change is one of these, with 95 % confidence. */
  within: [first: number, last: number]
}

export type MetricDrift = Drift & { metric: HistoryMetric }

/** What happened to the metrics of a series of runs. */
export interface History {
  changes: LocatedChange[]
  drifts: MetricDrift[]
  /** Runs after which a metric repeats itself, by metric: that is no change. */
  seasons: Partial<Record<HistoryMetric, number>>
}

export interface ChangePointOptions {
  metrics?: readonly HistoryMetric[]
  /** Standard errors that a step must exceed. */
  threshold?: number
  /** Smallest relative step that is reported, as a share. */
  leastStep?: number
}

/** A level takes six runs to be one. */
export const minRuns = 6
const defaults = { threshold: 4.5, leastStep: 0.05 }

/**
 * Where the level of a metric changed for good, over runs in the order of time. A run that is missing,
 * invalid or interrupted, or that made no request, is skipped; places are those of the series given. Runs
 * near each other are alike, and single runs fall out of line: both are allowed for (`robust.ts`), or every
 * series would be full of changes.
 */
export function findChangePoints(
  series: readonly (ComparableRun | null | undefined)[],
  options: ChangePointOptions = {},
): ChangePoint[] {
  return examineHistory(series, options).changes.map(({ index, metric, before, after, pValue }) => ({
    index,
    metric,
    before,
    after,
    pValue,
  }))
}

/** The same, each change with the interval of runs that it lies in; and what is no change of level. */
export function examineHistory(
  series: readonly (ComparableRun | null | undefined)[],
  options: ChangePointOptions = {},
): History {
  const usable = series.flatMap((run, index) => (run && isMeasurement(run) ? [{ run, index }] : []))
  const all = (options.metrics ?? defaultMetrics).map((metric) =>
    examine(metric, usable, { ...defaults, ...options }),
  )
  const events = all
    .filter(isLatency)
    .flatMap(({ points, found }) => found.split.steps.map(({ at }) => points[at]?.index ?? 0))
  const found = all.flatMap((one) =>
    toChanges(one, isLatency(one) ? addCorroborated(one, events) : one.found.split.steps),
  )
  const changes = alignEvents(found)
    .toSorted((a, b) => a.index - b.index)
    .map(({ index, metric, before, after, pValue, within }) => ({
      index,
      metric,
      before,
      after,
      pValue,
      within,
    }))
  return {
    changes,
    drifts: all.flatMap(toDrifts).toSorted((a, b) => a.from - b.from),
    seasons: Object.fromEntries(
      all.flatMap(({ metric, season }) => (season === undefined ? [] : [[metric, season.period] as const])),
    ),
  }
}

/** Changes of latency metrics within this many runs of each other are one event. */
const sameEvent = 4

function isLatency({ metric }: { metric: HistoryMetric }): boolean {
  return metric.endsWith('Ms')
}

/** One event has one place: where the metric with the strongest evidence has it. */
function alignEvents(changes: readonly ScoredChange[]): ScoredChange[] {
  return changes.map((change) => {
    const event = isLatency(change)
      ? changes.filter((other) => isLatency(other) && Math.abs(other.index - change.index) <= sameEvent)
      : [change]
    const clearest = event.reduce((a, b) => (b.z > a.z ? b : a))
    return { ...change, index: clearest.index, within: clearest.within }
  })
}

/** `z`: how many standard errors the step is, without its sign. */
type ScoredChange = LocatedChange & { z: number }

function isMeasurement(run: ComparableRun): boolean {
  return run.totals.requests > 0 && !run.interrupted && run.validity?.valid !== false
}

interface Examination {
  metric: HistoryMetric
  points: { index: number; value: number }[]
  /** Without spikes, season and drifts. */
  values: number[]
  /** Season and drifts, on the scale of the values. */
  trend: number[]
  season: Season | undefined
  rules: StepRules
  found: Pick<Decomposition, 'ramps' | 'split'>
}

function examine(
  metric: HistoryMetric,
  usable: readonly { run: ComparableRun; index: number }[],
  options: Required<Pick<ChangePointOptions, 'threshold' | 'leastStep'>>,
): Examination {
  const points = usable
    .map(({ run, index }) => ({ index, value: readMetric(metric, run), requests: run.totals.requests }))
    .filter(({ value }) => Number.isFinite(value) && (value > 0 || metric === 'errorRate'))
  const scale = scales[metric === 'errorRate' ? 'rate' : 'ratio']
  const rules: StepRules = {
    threshold: options.threshold,
    leastRuns: minRuns,
    matters: scale.matters(options.leastStep),
  }
  const scaled = points.map(({ index, value, requests }) => ({ index, value: scale.to(value, requests) }))
  if (points.length < 2 * minRuns) {
    const split = { steps: [], scatter: { deviation: 0, correlation: 0 } }
    return { metric, points, values: [], trend: [], season: undefined, rules, found: { ramps: [], split } }
  }
  const leastDeviation = scale.leastDeviation(points.map(({ requests }) => requests))
  const season = findSeason(scaled, leastDeviation)
  const first = points[0]?.index ?? 0
  const seasonal = points.map(({ index }) => seasonAt(season, index, first))
  const values = removeSpikes(scaled.map(({ value }, at) => value - (seasonal[at] ?? 0)))
  const found = decompose(values, leastDeviation, rules)
  const trend = values.map((value, at) => value - (found.adjusted[at] ?? value) + (seasonal[at] ?? 0))
  return { metric, points, values: found.adjusted, trend, season, rules, found }
}

/**
 * A step that is significant in one latency metric is searched in the others at this threshold: one event
 * seldom moves one of them alone.
 */
const corroborationThreshold = 2.5

function addCorroborated(one: Examination, events: readonly number[]): Step[] {
  const { steps, scatter } = one.found.split
  const places = events
    .map((event) => one.points.findIndex(({ index }) => index >= event))
    .filter((at) => at > 0 && steps.every((step) => Math.abs(step.at - at) > sameEvent))
  if (places.length === 0) return steps
  const rules = { ...one.rules, threshold: corroborationThreshold }
  const all = retestSteps(
    [...new Set([...steps.map(({ at }) => at), ...places])].toSorted((a, b) => a - b),
    one.values,
    scatter,
    rules,
  )
  return all.filter(
    (step) =>
      Math.abs(step.z) > one.rules.threshold || places.some((at) => Math.abs(at - step.at) <= sameEvent),
  )
}

/**
 * Half-width of the 95 % confidence interval of a change's place, in units of σ² / δ² (Bai 1997, Rev. Econ.
 * Stat. 79, table of the argmax).
 */
const locationReach = 11.03

function toChanges(
  {
    metric,
    points,
    trend,
    found: {
      split: { scatter },
    },
  }: Examination,
  steps: readonly Step[],
): ScoredChange[] {
  const longRun = (scatter.deviation ** 2 * (1 + scatter.correlation)) / (1 - scatter.correlation)
  const placeOf = (at: number): number => points[Math.min(points.length - 1, Math.max(0, at))]?.index ?? 0
  // As it would be if there were neither drift nor season since `at`.
  const level = (from: number, to: number, at: number): number =>
    median(
      points.slice(from, to).map(({ value }, place) => {
        const moved = (trend[from + place] ?? 0) - (trend[at] ?? 0)
        return moved === 0 || metric === 'errorRate' ? value : value * Math.exp(-moved)
      }),
    )
  return steps.map(({ at, z, size }, index) => ({
    within: locationInterval(
      at,
      Math.ceil((locationReach * longRun) / size ** 2),
      steps[index - 1]?.at ?? 0,
      steps[index + 1]?.at ?? points.length,
      placeOf,
    ),
    index: points[at]?.index ?? 0,
    z: Math.abs(z),
    metric,
    before: level(steps[index - 1]?.at ?? 0, at, at),
    after: level(at, steps[index + 1]?.at ?? points.length, at),
    pValue: Math.min(1, 2 * normalUpperTail(Math.abs(z)) * points.length),
  }))
}

// The scale of a share is not that of a ratio: its drift has no slope in per cent.
function toDrifts({ metric, points, values, found: { ramps } }: Examination): MetricDrift[] {
  if (metric === 'errorRate') return []
  const places = points.map(({ index }) => index)
  return ramps.map((ramp) => ({ metric, ...toDrift(ramp, ramps, values, places) }))
}

function locationInterval(
  at: number,
  reach: number,
  from: number,
  to: number,
  placeOf: (at: number) => number,
): [number, number] {
  return [placeOf(Math.max(from + 1, at - reach)), placeOf(Math.min(to - 1, at + reach))]
}

function readMetric(metric: HistoryMetric, { totals }: ComparableRun): number {
  return metric === 'errorRate' || metric === 'throughputRps' ? totals[metric] : totals.latency[metric]
}
