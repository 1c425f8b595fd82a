import type { ProbeOutcome } from '../../record/index.ts'

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

/** Observations as history orders them: by time; those of one moment from good to bad, so that the worst is the last. */
export function ordered(observations: readonly Observation[]): Observation[] {
  return observations.toSorted(
    (a, b) =>
      a.startedAtMs - b.startedAtMs || rank[b.outcome] - rank[a.outcome] || a.holdsUntilMs - b.holdsUntilMs,
  )
}

/**
 * The time from `fromMs` to `toMs` as spans without a gap: a result holds until the next one, but no longer than its
 * schedule allows. What nobody looked at is `unknown`: a prober that was late or down says nothing about its target.
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
