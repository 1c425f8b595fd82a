import { toOneLine, countOf } from '../../record/index.ts'
import { amount } from '../../baselines/index.ts'
import type { Unit } from '../../baselines/index.ts'
import type { Run } from '../../record/index.ts'

/**
 * Text of a target or a user as one harmless line of at most `max` characters; U+FFFD shows where something was not printed.
 * Formats escape on top of it; nothing from outside reaches a report without passing here.
 */
export function cleanText(text: string, max = 300): string {
  return toOneLine(text, max, '\ufffd')
}

export { toPublicUrl } from '../../record/index.ts'

/** Stands where nothing was measured: never a zero, which would read as fast. */
export const notMeasured = '–'

/** A figure of a table whose heading names the unit; the same digits as in the sentence `amount` makes. */
export function formatNumber(unit: Unit, value: number | undefined): string {
  return value === undefined || !Number.isFinite(value)
    ? notMeasured
    : (amount(unit, value).split(' ')[0] ?? notMeasured)
}

/** Whole things, in groups of three: `1,234,567`. */
export function formatCount(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ',') : notMeasured
}

/** Requests per second in about three digits. */
export function formatRate(perSecond: number): string {
  return perSecond >= 1000 ? formatCount(perSecond) : formatNumber('ms', perSecond)
}

/** A length of time in the unit a person would say it in. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return amount('ms', Math.round(ms))
  const seconds = ms / 1000
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`
  if (seconds >= 7200) return `${Number((seconds / 3600).toFixed(1))} h`
  // Rounded before it is split: 179.7 s are 3 min, not 2 min 59 s, and never 2 min 60 s.
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? '' : ` ${whole % 60} s`}`
}

/** A moment within a run: `12.4 s`. */
export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

/** Requests that got an answer, whatever it said: those in the histograms. Without one there is no latency to speak of. */
export function countAnswered(run: Run): number {
  return Object.values(run.endpoints).reduce((sum, endpoint) => sum + countOf(endpoint.histogram), 0)
}
