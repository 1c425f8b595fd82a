import { scaleLinear } from 'd3-scale'
import { line as lineShape } from 'd3-shape'
import { amount } from '../../../baselines/index.ts'
import { countOf, quantile } from '../../../record/index.ts'
import type { Histogram } from '../../../record/index.ts'
import { element } from '../markup.ts'
import type { Markup } from '../markup.ts'
import { chart, line, words } from './frame.ts'
import type { Caption, Margin, Size, Tick } from './frame.ts'
import { logAxis } from './log-axis.ts'
import type { LatencyDomain } from './log-axis.ts'

/** A budget for a percentile: `label` is `p95`, `q` 0.95. */
export interface PercentileBudget {
  label: string
  q: number
  limitMs: number
}

export interface PercentileChart {
  histogram: Histogram
  budgets: readonly PercentileBudget[]
  domain: LatencyDomain
  /** Samples that the axis reaches to, so that small multiples share it: 1,000 samples end at 99.9 %. */
  samples: number
  size: Size
  /** For a page of many: fewer ticks, no titles on axes. */
  small?: boolean
}

/**
 * Latency by percentile. The horizontal axis is log10(1 / (1 − q)), so that each further nine has the same room: the tail
 * is where budgets break, and on a linear axis it is the last pixel.
 */
export function percentileChart(caption: Caption, options: PercentileChart): Markup {
  const { histogram, budgets, domain, samples, size, small = false } = options
  const margin: Margin = small ? { top: 10, right: 8, bottom: 22, left: 40 } : { top: 30, right: 18, bottom: 42, left: 52 }
  const bottom = size.height - margin.bottom
  const right = size.width - margin.right
  const x = scaleLinear([0, Math.log10(Math.max(samples, 10))], [margin.left, right])
  const y = logAxis(domain, bottom, margin.top, small ? 4 : 9)
  const at = (q: number): number => x(-Math.log10(1 - q))
  const axes = { size, margin, xTitle: small ? '' : 'Percentile of answered requests (each step to the right: ten times rarer)', yTitle: small ? '' : 'Latency (ms, log scale)', xTicks: percentileTicks(at, right, small), yTicks: y.ticks }
  const narrow = size.width < 500
  return chart(caption, narrow && !small ? { ...axes, xTitle: 'Percentile of answered requests' } : axes, [
    ...budgets.flatMap((budget, index) => budgetLine(budget, y.at(budget.limitMs), margin.left, right, small ? undefined : index)),
    element('path', { class: 'series', d: curve(histogram, x.domain()[1] ?? 1, (q) => at(q), y.at) }),
    ...budgets.flatMap((budget) => reading(budget, histogram, at(budget.q), y.at, small)),
  ])
}

function percentileTicks(at: (q: number) => number, right: number, small: boolean): Tick[] {
  const all = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999].map((q) => ({ at: at(q), label: q === 0 ? '0' : `${Number((q * 100).toPrecision(8))}${small ? '' : ' %'}` }))
  return all.filter((tick) => tick.at <= right + 1)
}

/** Ten points for each decade of rarity, and both ends: finer than can be seen, and small in the file. */
function curve(histogram: Histogram, decades: number, x: (q: number) => number, y: (ms: number) => number): string {
  const n = countOf(histogram)
  if (n === 0) return ''
  const end = Math.min(decades, Math.log10(n))
  const steps = Math.max(2, Math.ceil(end * 24))
  const points = Array.from({ length: steps + 1 }, (_, index) => 1 - 10 ** (-(end * index) / steps))
  return lineShape<number>().digits(1).x(x).y((q) => y(quantile(histogram, q)))(points) ?? ''
}

function budgetLine(budget: PercentileBudget, y: number, left: number, right: number, index: number | undefined): Markup[] {
  const drawn = line('budget', left, y, right, y)
  if (index === undefined) return [drawn]
  return [drawn, words(left + 6 + (index % 2) * 112, y - 5, `${budget.label} < ${amount('ms', budget.limitMs)}`, 'start', 'budget-label')]
}

function reading({ q, limitMs, label }: PercentileBudget, histogram: Histogram, x: number, y: (ms: number) => number, small: boolean): Markup[] {
  if (countOf(histogram) === 0) return []
  const actual = quantile(histogram, q)
  const kind = actual < limitMs ? '' : ' over'
  const dot = element('circle', { class: `dot${kind}`, cx: x, cy: y(actual), r: small ? 3 : 4.5 })
  return small ? [dot] : [dot, words(x - 8, y(actual) - 9, `${label} ${amount('ms', actual)}`, 'end', kind === '' ? 'strong' : 'over')]
}
