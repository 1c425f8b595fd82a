import type { ProbeOutcome } from '../../record/index.ts'
import { median } from '../../record/statistics/index.ts'

/** What one result says about time. */
export interface Observation {
  startedAtMs: number
  /** Until when it holds unless another comes first. */
  holdsUntilMs: number
  outcome: ProbeOutcome
}

/** A stretch of time in one state; `toMs` > `fromMs`. */
export interface Span {
  fromMs: number
  toMs: number
  outcome: ProbeOutcome
}

/** From bad to good, so that of two results of one moment the same one counts whatever their order. */
const rank: Record<ProbeOutcome, number> = { down: 0, unknown: 1, degraded: 2, up: 3 }

/**
 * Observations as history orders them: by time; those of one moment from good to bad, so that the worst is
 * the last.
 */
export function ordered(observations: readonly Observation[]): Observation[] {
  return observations.toSorted(
    (a, b) =>
      a.startedAtMs - b.startedAtMs || rank[b.outcome] - rank[a.outcome] || a.holdsUntilMs - b.holdsUntilMs,
  )
}

/**
 * The time from `fromMs` to `toMs` as spans without a gap: a result holds until the next one, but no longer
 * than its schedule allows. Time without a result is `unknown`: a prober that was late or down says nothing
 * about its target.
 */
export function timeline(observations: readonly Observation[], fromMs: number, toMs: number): Span[] {
  const spans: Span[] = []
  const add = (outcome: ProbeOutcome, from: number, to: number): void => {
    const start = Math.max(from, fromMs)
    const end = Math.min(to, toMs)
    if (end <= start) return
    const last = spans.at(-1)
    if (last?.outcome === outcome) last.toMs = end
    else spans.push({ fromMs: start, toMs: end, outcome })
  }
  const sorted = ordered(observations)
  let covered = fromMs
  for (const [index, { startedAtMs, holdsUntilMs, outcome }] of sorted.entries()) {
    const nextMs = sorted[index + 1]?.startedAtMs ?? Infinity
    const until = Math.max(startedAtMs, Math.min(holdsUntilMs, nextMs))
    add('unknown', covered, startedAtMs)
    add(outcome, Math.max(covered, startedAtMs), until)
    covered = Math.max(covered, until)
  }
  add('unknown', covered, toMs)
  return spans
}

/** How much of a time each outcome had, 0 to 1; together 1. Of no time at all, everything is unknown. */
export type Shares = Record<ProbeOutcome, number>

export function sharesOf(spans: readonly Span[]): Shares {
  const ms: Shares = { up: 0, degraded: 0, down: 0, unknown: 0 }
  for (const { fromMs, toMs, outcome } of spans) ms[outcome] += toMs - fromMs
  const whole = ms.up + ms.degraded + ms.down + ms.unknown
  if (whole === 0) return { up: 0, degraded: 0, down: 0, unknown: 1 }
  return {
    up: ms.up / whole,
    degraded: ms.degraded / whole,
    down: ms.down / whole,
    unknown: ms.unknown / whole,
  }
}

/** The part of spans that lies in a time. */
export function within(spans: readonly Span[], fromMs: number, toMs: number): Span[] {
  return spans.flatMap((span) => {
    const clipped = { ...span, fromMs: Math.max(span.fromMs, fromMs), toMs: Math.min(span.toMs, toMs) }
    return clipped.toMs > clipped.fromMs ? [clipped] : []
  })
}

/** A day or a month, in UTC, and how its time was shared. */
export interface Period {
  /** `2026-11-24` or `2026-11`. */
  label: string
  /** The part of it that was looked at. */
  fromMs: number
  toMs: number
  shares: Shares
}

/** Spans by day or month of UTC; a first and a last one that are not whole are taken as far as they go. */
export function periodsOf(spans: readonly Span[], unit: 'day' | 'month'): Period[] {
  const first = spans[0]?.fromMs
  const last = spans.at(-1)?.toMs
  if (first === undefined || last === undefined) return []
  const periods: Period[] = []
  for (let at = first; at < last;) {
    const end = Math.min(endOf(at, unit), last)
    periods.push({
      label: new Date(at).toISOString().slice(0, unit === 'day' ? 10 : 7),
      fromMs: at,
      toMs: end,
      shares: sharesOf(within(spans, at, end)),
    })
    at = end
  }
  return periods
}

function endOf(ms: number, unit: 'day' | 'month'): number {
  const date = new Date(ms)
  return unit === 'day'
    ? Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1)
    : Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}

/** An observation whose schedule may not be known. */
export type Unscheduled = Omit<Observation, 'holdsUntilMs'> & { holdsUntilMs: number | null }

/**
 * Gives results that were run manually, without a schedule, the time that results of this probe are usually
 * apart (the median), and half of that again. With fewer than three results nothing is usual, and they hold
 * for no time.
 */
export function withAssumedHold(observations: readonly Unscheduled[]): Observation[] {
  if (observations.every(({ holdsUntilMs }) => holdsUntilMs !== null))
    return observations.map((each) => ({ ...each, holdsUntilMs: each.holdsUntilMs ?? each.startedAtMs }))
  const starts = observations.map(({ startedAtMs }) => startedAtMs).toSorted((a, b) => a - b)
  const gaps = starts.slice(1).map((at, index) => at - (starts[index] ?? at))
  const holdMs = gaps.length < 2 ? 0 : median(gaps) * 1.5
  return observations.map((each) => ({
    ...each,
    holdsUntilMs: each.holdsUntilMs ?? each.startedAtMs + holdMs,
  }))
}
