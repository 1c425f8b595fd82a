import { formatDuration, parseDuration } from '../drills/compression/promql.ts'
import type { AlertCase, Course } from './cases/case.ts'
import type { AlertRule } from './rules.ts'

/** One test of a file for `promtool test rules`. */
export interface Story {
  name: string
  interval: string
  input_series: { series: string; values: string }[]
  alert_rule_test: Check[]
}

interface Check {
  eval_time: string
  alertname: string
  exp_alerts: {
    exp_labels: Readonly<Record<string, string>>
    exp_annotations: Readonly<Record<string, string>>
  }[]
}

/** The kinds of what a story shows; every alert needs all of them. */
export const kinds = ['below', 'waits', 'fires', 'resolves', 'absent'] as const

// Longer than the longest window of minutes, so that at the end of a stretch nothing is left of the one before.
const usualMs = 12 * 60_000

/**
 * The story of an alert: a stretch just below its limit, one over it and one well again. Checked are the end of the
 * first, the last moment of waiting for its `for`, and the ends of the second and the third.
 */
export function storyOf(row: AlertCase, rule: AlertRule): Story {
  const stepMs = msOf(row.step ?? '30s')
  const forMs = msOf(row.for ?? '0s')
  const lengths = [
    msOf(row.belowFor) ?? usualMs,
    msOf(row.overFor) ?? usualMs + forMs,
    msOf(row.wellFor) ?? usualMs + 8 * 60_000,
  ].map((ms) => Math.ceil(ms / stepMs))
  const [below = 0, over = 0, well = 0] = lengths
  const alert = alertsOf(row, rule)
  const [firing, silent] = [row.never ? [] : alert, row.always ? alert : []]
  const at = (step: number, expected: Check['exp_alerts']): Check => ({
    eval_time: formatDuration(step * stepMs),
    alertname: row.alert,
    exp_alerts: expected,
  })
  return {
    name: `${row.alert}${row.never ? ' stays silent' : ''}`,
    interval: formatDuration(stepMs),
    input_series: row.courses.map((course) => ({
      series: course.series,
      values: valuesOf(course, lengths, stepMs),
    })),
    alert_rule_test: [
      at(below - 1, silent),
      // The first sample over the limit is at `below`. Without a `for` there is nothing to wait for.
      ...(forMs === 0 ? [] : [at(below + Math.ceil(forMs / stepMs) - 1, silent)]),
      at(below + over - 1, firing),
      at(below + over + well - 1, silent),
    ],
  }
}

/** What looks bad and must stay silent, for as long as the alert would take to fire. */
export function quietStories(row: AlertCase): Story[] {
  const stepMs = msOf(row.step ?? '30s')
  const steps = Math.ceil((2 * usualMs + msOf(row.for ?? '0s')) / stepMs)
  return Object.entries(row.quiet ?? {}).map(([name, courses]) => ({
    name: `${row.alert}: ${name}`,
    interval: formatDuration(stepMs),
    input_series: courses.map((course) => ({
      series: course.series,
      values: valuesOf(course, [0, steps, 0], stepMs),
    })),
    alert_rule_test: Array.from({ length: 4 }, (_, quarter) => ({
      eval_time: formatDuration(Math.ceil(((quarter + 1) * (steps - 1)) / 4) * stepMs),
      alertname: row.alert,
      exp_alerts: [],
    })),
  }))
}

/** What all alerts do when there is no series at all: nothing, but those that are there for it. */
export function absentStory(rows: readonly AlertCase[], rules: ReadonlyMap<string, AlertRule>): Story {
  const checks = [...rules.values()].map((rule) => {
    const own = rows.filter(({ alert }) => alert === rule.alert)
    const absent = own.flatMap((row) =>
      row.always
        ? alertsOf(row, rule)
        : (row.absent ?? []).flatMap((expected) => alertsOf({ ...row, ...expected }, rule)),
    )
    return { eval_time: '3h', alertname: rule.alert, exp_alerts: absent }
  })
  return { name: 'without any series', interval: '5m', input_series: [], alert_rule_test: checks }
}

function alertsOf(row: AlertCase, rule: AlertRule): Check['exp_alerts'] {
  const annotations = { ...rule.annotations, summary: row.summary, description: row.description }
  return [{ exp_labels: { ...rule.labels, ...row.labels }, exp_annotations: annotations }]
}

function valuesOf(
  course: Course,
  [below = 0, over = 0, well = 0]: readonly number[],
  stepMs: number,
): string {
  const levels = [...filled(course.below, below), ...filled(course.over, over), ...filled(course.well, well)]
  const everySteps = course.every === undefined ? 1 : msOf(course.every) / stepMs
  let total = 0
  const values = levels.map((level, step) => {
    // A series that ends is told to be over; without that it would be read for another 5 minutes.
    if (level === null) return typeof levels[step - 1] === 'number' ? 'stale' : '_'
    if (course.kind === 'age') return shortest((step * stepMs) / 1000 - level)
    if (course.kind === 'gauge') return shortest(step % everySteps === 0 ? level : 0)
    total += level
    return shortest(total)
  })
  return values.join(' ')
}

function filled(level: number | null, length: number): (number | null)[] {
  return Array.from({ length }, () => level)
}

// Sums of tenths end in a tail of digits that mean nothing.
function shortest(value: number): string {
  return String(Number(value.toPrecision(12)))
}

function msOf(text: string): number
function msOf(text: string | undefined): number | undefined
function msOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = parseDuration(text)
  if (ms === undefined) throw new Error(`${text} is no duration`)
  return ms
}
