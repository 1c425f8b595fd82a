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
