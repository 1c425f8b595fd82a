/** How a series goes through the three stretches of a case: just below the limit, over it, well again. `null`: absent. */
export interface Course {
  series: string
  /** `counter`: what each step adds. `gauge`: the value. `age`: a moment so many seconds ago, ahead when negative. */
  kind: 'counter' | 'gauge' | 'age'
  below: number | null
  over: number | null
  well: number | null
  /** A value now and then, and 0 between. */
  every?: string
}

/** One alert, followed through a whole story: what Prometheus must say of it, and when. */
export interface AlertCase {
  alert: string
  /** The `for` of the rule; before it has passed nothing fires. */
  for?: string
  courses: readonly Course[]
  /** Labels besides the rule's own. */
  labels?: Readonly<Record<string, string>>
  /** It fires in every stretch. */
  always?: true
  /** It fires in none: what changes is too little to matter. */
  never?: true
  /** What looks bad and is none: too little of it, or somebody else's. Each goes on for as long as the stretch over the limit. */
  quiet?: Readonly<Record<string, readonly Course[]>>
  /** As rendered at the end of the stretch over the limit. */
  summary: string
  description: string
  /** Lengths of the stretches, where the windows of the rule want others. */
  belowFor?: string
  overFor?: string
  wellFor?: string
  /** Time between samples. */
  step?: Step
  /** Time between evaluations, where it is not that between samples. */
  evaluation?: string
  /** Fires when there are no series at all, with these labels, summary and description. */
  absent?: readonly { labels: Readonly<Record<string, string>>; summary: string; description: string }[]
}

export type Step = '30s' | '5m' | '10m'

export function counter(
  series: string,
  below: number | null,
  over: number | null,
  well: number | null,
): Course {
  return { series, kind: 'counter', below, over, well }
}

export function gauge(
  series: string,
  below: number | null,
  over: number | null,
  well: number | null,
): Course {
  return { series, kind: 'gauge', below, over, well }
}

export function age(series: string, below: number | null, over: number | null, well: number | null): Course {
  return { series, kind: 'age', below, over, well }
}

/** A series that has nothing to do with whether the alert fires. */
export function steady(series: string, kind: Course['kind'], value: number): Course {
  return { series, kind, below: value, over: value, well: value }
}
