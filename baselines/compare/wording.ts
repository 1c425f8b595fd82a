import { amount } from '../wording.ts'
import type { Measure } from './measures.ts'
import { quantiles } from './quantiles.ts'

/**
 * A relative change: +3.1 %, −12 %. More digits where it would read the same as the margin next to it,
 * `limit`.
 */
export function formatChange(ratio: number, limit?: number): string {
  if (!Number.isFinite(ratio)) return ratio > 0 ? 'without bound' : 'unknown'
  const percent = (ratio - 1) * 100
  if (percent >= 900) return `×${Number(ratio.toPrecision(3))}`
  const sign = percent < -0.005 ? '−' : '+'
  for (const digits of [Math.abs(percent) >= 20 ? 0 : 1, 2, 3]) {
    const text = Math.abs(percent).toFixed(digits)
    if (
      limit === undefined ||
      Number(text) !== Math.abs(limit * 100) ||
      Math.abs(percent - limit * 100) < 1e-9
    )
      return `${sign}${text} %`
  }
  return `${sign}${Math.abs(percent).toFixed(4)} %`
}

/** An interval of relative change: −2.1 … +3.9 %. */
export function formatInterval([low, high]: readonly [number, number]): string {
  return `${formatChange(low)} … ${formatChange(high)}`
}

export function formatMargin(margin: number): string {
  return `margin ${Number((margin * 100).toPrecision(3))} %`
}

export function measureLabel({ metric }: Pick<Measure, 'metric'>): string {
  return metric === 'throughputRps' ? 'throughput' : quantiles[metric].label
}

/** Two levels of one measure: `23.1 → 26 ms`. */
export function formatLevels(
  { metric }: Pick<Measure, 'metric'>,
  baseline: number,
  candidate: number,
): string {
  if (metric === 'throughputRps') return `${formatFigure(baseline)} → ${formatFigure(candidate)} req/s`
  return `${formatFigure(baseline)} → ${amount('ms', candidate, baseline)}`
}

function formatFigure(value: number): string {
  return String(Number(value.toPrecision(value >= 100 ? Math.ceil(Math.log10(value + 1)) : 3)))
}

/**
 * What a comparison could not have detected, after its figures: `ratio` is the smallest change that it calls
 * a fail eight times in ten.
 */
export function describeDetectable(status: 'pass' | 'skipped', metric: string, ratio: number): string {
  const size = Number.isFinite(ratio) ? formatChange(ratio).replace(/^[+−]/, '') : undefined
  if (status === 'skipped')
    return size === undefined
      ? '; not judged: too noisy'
      : `; not judged: too noisy to detect less than ${size}`
  const loss = /^p\d+Ms$/.test(metric) ? 'slowdowns' : metric === 'throughputRps' ? 'drops' : 'increases'
  return `; could have missed ${loss} ${size === undefined ? 'of any size' : `up to ${size}`}`
}

/** Counted, with the word in its number: 1 pair, 24 pairs. */
export function formatCount(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}
