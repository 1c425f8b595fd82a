import type { ProbeOutcome } from '../../record/index.ts'
import { median } from '../../record/statistics/index.ts'

/** A result and how long it is valid. */
export interface Observation {
  startedAtMs: number
  /** Until when it is valid, unless another result follows. */
  holdsUntilMs: number
  outcome: ProbeOutcome
}

/** A period with one outcome; `toMs` > `fromMs`. */
export interface Span {
  fromMs: number
  toMs: number
  outcome: ProbeOutcome
}

/** From bad to good, so that the order of two results of one moment does not matter. */
const rank: Record<ProbeOutcome, number> = { down: 0, unknown: 1, degraded: 2, up: 3 }

/** Higher is better. */
export function rankOf(outcome: ProbeOutcome): number {
  return rank[outcome]
}

/**
 * Sorts observations by time, those of one moment from good to bad, so that the worst is last.
 */
export function sortObservations<T extends Observation>(observations: readonly T[]): T[] {
  return observations.toSorted(
    (a, b) =>
      a.startedAtMs - b.startedAtMs || rank[b.outcome] - rank[a.outcome] || a.holdsUntilMs - b.holdsUntilMs,
  )
}

/**
 * Divides the time from `fromMs` to `toMs` into spans without gaps. A result is valid until the next one, but
 * no longer than its schedule allows. Time without a result is `unknown`: a prober that was late or down says
 * nothing about its target.
 */
export function buildTimeline(observations: readonly Observation[], fromMs: number, toMs: number): Span[] {
  const spans: Span[] = []
  const add = (outcome: ProbeOutcome, from: number, to: number): void => {
    const start = Math.max(from, fromMs)
    const end = Math.min(to, toMs)
    if (end <= start) return
    const last = spans.at(-1)
    if (last?.outcome === outcome) last.toMs = end
    else spans.push({ fromMs: start, toMs: end, outcome })
  }
  const sorted = sortObservations(observations)
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

/** Share of the time for each outcome, 0 to 1; the sum is 1. An empty time is unknown. */
export type Shares = Record<ProbeOutcome, number>

export function computeShares(spans: readonly Span[]): Shares {
  const ms: Shares = { up: 0, degraded: 0, down: 0, unknown: 0 }
  for (const { fromMs, toMs, outcome } of spans) ms[outcome] += toMs - fromMs
  const total = ms.up + ms.degraded + ms.down + ms.unknown
  if (total === 0) return { up: 0, degraded: 0, down: 0, unknown: 1 }
  return {
    up: ms.up / total,
    degraded: ms.degraded / total,
    down: ms.down / total,
    unknown: ms.unknown / total,
  }
}

/** Cuts spans to a period. */
export function clipSpans(spans: readonly Span[], fromMs: number, toMs: number): Span[] {
  return spans.flatMap((span) => {
    const clipped = { ...span, fromMs: Math.max(span.fromMs, fromMs), toMs: Math.min(span.toMs, toMs) }
    return clipped.toMs > clipped.fromMs ? [clipped] : []
  })
}

/** A day or a month in UTC, and the share of each outcome. */
export interface Period {
  /** `2026-11-24` or `2026-11`. */
  label: string
  /** The part of it in the window. */
  fromMs: number
  toMs: number
  shares: Shares
}

/** Groups spans by day or month in UTC. The first and the last period can be incomplete. */
export function toPeriods(spans: readonly Span[], unit: 'day' | 'month'): Period[] {
  const first = spans[0]?.fromMs
  const last = spans.at(-1)?.toMs
  if (first === undefined || last === undefined) return []
  const periods: Period[] = []
  // Spans are in order: a year of days must not read each of them 365 times.
  let next = 0
  for (let at = first; at < last;) {
    const end = Math.min(endOf(at, unit), last)
    while ((spans[next]?.toMs ?? Infinity) <= at) next += 1
    let past = next
    while ((spans[past]?.fromMs ?? Infinity) < end) past += 1
    periods.push({
      label: new Date(at).toISOString().slice(0, unit === 'day' ? 10 : 7),
      fromMs: at,
      toMs: end,
      shares: computeShares(clipSpans(spans.slice(next, past), at, end)),
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

/** An observation without a known schedule has no `holdsUntilMs`. */
export type Unscheduled = Omit<Observation, 'holdsUntilMs'> & { holdsUntilMs: number | null }

/**
 * Sets the validity of results without a schedule to 1.5 times the median gap between results of this probe.
 * With fewer than three results there is no median gap, and they are valid for no time.
 */
export function assumeHoldTimes<T extends Unscheduled & { count?: number }>(
  observations: readonly T[],
): (T & Observation)[] {
  if (observations.every(isScheduled)) return [...observations]
  // Between results that are one observation there are gaps, which are not known any more.
  const single = observations.filter(({ count = 1 }) => count === 1)
  const gaps = gapsBetween(single.map(({ startedAtMs }) => startedAtMs))
  const holdMs = assumeHoldMs(gaps)
  return observations.map((each) => ({
    ...each,
    holdsUntilMs: each.holdsUntilMs ?? each.startedAtMs + holdMs,
  }))
}

function isScheduled<T extends Unscheduled>(one: T): one is T & Observation {
  return one.holdsUntilMs !== null
}

function gapsBetween(startedAtMs: readonly number[]): number[] {
  const starts = startedAtMs.toSorted((a, b) => a - b)
  return starts.slice(1).map((at, index) => at - (starts[index] ?? at))
}

function assumeHoldMs(gaps: readonly number[]): number {
  return gaps.length < 2 ? 0 : median(gaps) * 1.5
}

/** Of the gaps of a schedule, the least share that is within a half of their median. */
const regularShare = 0.75

/**
 * Until when the last of some results is valid and when the next one is overdue, where only the starts of
 * earlier results are known. Overdue is judged by the longest gap: a schedule may leave out nights. Nothing
 * is overdue without at least three results at regular gaps: a person runs probes now and then.
 *
 * @param runMs how long a run may take
 */
export function estimateTimes(
  startedAtMs: readonly number[],
  runMs: number,
): { validUntilMs?: number; overdueMs?: number } {
  const gaps = gapsBetween(startedAtMs)
  if (gaps.length < 2) return {}
  const last = Math.max(...startedAtMs)
  const validUntilMs = last + assumeHoldMs(gaps)
  const usual = median(gaps)
  const regular = gaps.filter((gap) => Math.abs(gap - usual) <= usual / 2).length
  if (regular < regularShare * gaps.length) return { validUntilMs }
  const longest = Math.max(...gaps)
  return { validUntilMs, overdueMs: last + longest + Math.min(longest / 2, 60_000) + runMs }
}
