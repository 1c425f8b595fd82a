import { sharesOf, within } from './timeline.ts'
import type { Shares, Span } from './timeline.ts'

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
