import { scaleLinear } from 'd3-scale'
import { area as areaShape, line as lineShape } from 'd3-shape'
import type { BandPoint } from '../../../baselines/accepted/index.ts'
import { amount } from '../../../baselines/index.ts'
import { countOf, quantile } from '../../../record/index.ts'
import type { Histogram } from '../../../record/index.ts'
import { element } from '../markup.ts'
import type { Markup } from '../markup.ts'
import { chart, line, logAxis, tip, widthOf, words } from './frame.ts'
import type { Caption, Margin, Size, Tick, LatencyDomain } from './frame.ts'

/** A budget for a percentile: `label` is `p95`, `q` 0.95. */
export interface PercentileBudget {
  label: string
  q: number
  limitMs: number
}

export interface PercentileChart {
  histogram: Histogram
  /** A second curve, drawn below: the side that the first is compared with. */
  baseline?: Histogram
  /** Drawn below both: where accepted runs were. */
  band?: readonly BandPoint[]
  budgets: readonly PercentileBudget[]
  domain: LatencyDomain
  /**
   * The samples that define the end of the axis, so that small charts share it: 1,000 samples end at 99.9 %.
   */
  samples: number
  size: Size
  /** For many charts on one page: fewer ticks, no axis titles, no labels. */
  small?: boolean
}

/** The axis reaches 99 % for fewer samples too, so that it contains the budgets. */
const fewest = 100

/** Positions in the plot, in pixels. */
interface Scales {
  /** For a share of the requests, 0..1. */
  x: (q: number) => number
  y: (ms: number) => number
  left: number
  right: number
}

/**
 * Latency by percentile. The horizontal axis is log10(1 / (1 − q)), so 90 %, 99 % and 99.9 % have equal
 * distances. Budgets break in the tail, which is the last pixel of a linear axis. A budget for a percentile
 * applies to all below it too, so its line ends there: a curve that crosses the line has broken it.
 */
export function percentileChart(caption: Caption, options: PercentileChart): Markup {
  const { histogram, budgets, domain, samples, size, small = false, band = [] } = options
  const margin: Margin = small
    ? { top: 10, right: 10, bottom: 22, left: 44 }
    : { top: 34, right: 20, bottom: 42, left: 54 }
  const bottom = size.height - margin.bottom
  const right = size.width - margin.right
  const horizontal = scaleLinear([0, Math.log10(Math.max(samples, fewest))], [margin.left, right]).clamp(true)
  const vertical = logAxis(domain, bottom, margin.top, small ? 4 : 9)
  const scales: Scales = {
    x: (q) => horizontal(q < 1 ? -Math.log10(1 - q) : Infinity),
    y: vertical.at,
    left: margin.left,
    right,
  }
  const plot = {
    size,
    margin,
    xTitle: small ? '' : 'Percentile (log scale)',
    yTitle: small ? '' : 'Latency (ms, log scale)',
    xTicks: percentileTicks(samples, scales.x, small),
    yTicks: vertical.ticks,
  }
  const readings = readingsOf(histogram, budgets, scales)
  const points = curve(histogram, scales)
  const under = options.baseline === undefined ? [] : curve(options.baseline, scales)
  const marks = [
    ...boxesAlong(under),
    ...boxesAlong(points),
    ...readings.map(({ x, y }) => boxAround(x, y, 5)),
    ...budgets.map(({ q, limitMs }) => lineBox(scales.left, scales.x(q), scales.y(limitMs))),
  ]
  const labels = [...readings.map(readingLabels), ...budgets.map((budget) => budgetLabels(budget, scales))]
  return chart(caption, plot, [
    ...bandArea(band, scales),
    ...budgets.flatMap((budget) => budgetLine(budget, scales)),
    ...(under.length === 0
      ? []
      : [element('path', { class: 'series base', d: lineShape().digits(1)(under) ?? '' })]),
    element('path', { class: 'series', d: lineShape().digits(1)(points) ?? '' }),
    ...readings.map(({ x, y, over, label }) =>
      element('circle', { class: over ? 'dot over' : 'dot', cx: x, cy: y, r: small ? 3 : 4.5 }, tip(label)),
    ),
    ...hoverPoints(histogram, scales, small),
    ...(small ? [] : placed(labels, { left: margin.left, right, top: margin.top - 16, bottom }, marks)),
  ])
}

function bandArea(band: readonly BandPoint[], { x, y }: Scales): Markup[] {
  const points = band.map(({ q, lowestMs, highestMs }): [number, number, number] => [
    x(q),
    y(lowestMs),
    y(highestMs),
  ])
  const shape = areaShape<[number, number, number]>(
    (point) => point[0],
    (point) => point[1],
    (point) => point[2],
  )
  return band.length < 2 ? [] : [element('path', { class: 'band', d: shape.digits(1)(points) ?? '' })]
}

function percentileTicks(samples: number, x: (q: number) => number, small: boolean): Tick[] {
  const shares = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999, 0.9999999].filter(
    (q) => (1 - q) * Math.max(samples, fewest) >= 0.99,
  )
  return shares.map((q) => ({ at: x(q), label: `${Number((q * 100).toPrecision(9))}${small ? '' : ' %'}` }))
}

const hovered = [0.5, 0.9, 0.95, 0.99, 0.999]

/** Invisible marks on the curve that show its value on hover, which needs no script. */
function hoverPoints(histogram: Histogram, { x, y }: Scales, small: boolean): Markup[] {
  const n = countOf(histogram)
  return hovered
    .filter((q) => n > 0 && q <= slowest(n))
    .map((q) => {
      const ms = quantile(histogram, q)
      const label = `p${Number((q * 100).toPrecision(4))} ${amount('ms', ms)}`
      return element('circle', { class: 'hover', cx: x(q), cy: y(ms), r: small ? 7 : 10 }, tip(label))
    })
}

/** 24 points per decade and the slowest request: finer than visible, and small in the file. */
function curve(histogram: Histogram, { x, y }: Scales): [number, number][] {
  const n = countOf(histogram)
  if (n === 0) return []
  const decades = Math.log10(n)
  const steps = Math.max(2, Math.ceil(decades * 24))
  const shares = Array.from({ length: steps }, (_, index) => 1 - 10 ** (-(decades * index) / steps))
  const values = quantilesOf(histogram, [...shares, 1])
  return [...shares, slowest(n)].map((q, index) => [x(q), y(values[index] ?? 0)])
}

/**
 * `quantile` for each of `shares`, which must rise, in one pass: a curve needs 100 of thousands of buckets.
 */
export function quantilesOf(histogram: Histogram, shares: readonly number[]): number[] {
  const n = countOf(histogram)
  let bucket = 0
  let seen = histogram[0]?.[1] ?? 0
  return shares.map((q) => {
    const rank = Math.max(1, Math.ceil(q * n - 1e-9))
    while (seen < rank && bucket < histogram.length - 1) {
      bucket += 1
      seen += histogram[bucket]?.[1] ?? 0
    }
    return histogram[bucket]?.[0] ?? Number.NaN
  })
}

/** The share beyond which is only the slowest of `n` requests. */
function slowest(n: number): number {
  return 1 - 1 / n
}

function budgetLine({ q, limitMs }: PercentileBudget, { x, y, left }: Scales): Markup[] {
  return [
    line('budget', left, y(limitMs), x(q), y(limitMs)),
    line('budget-end', x(q), y(limitMs) - 6, x(q), y(limitMs) + 6),
  ]
}

/** Above its line, else below it, else right of its end. */
function budgetLabels({ label, limitMs, q }: PercentileBudget, { x, y, left }: Scales): Label[] {
  const common = {
    text: `${label} < ${amount('ms', limitMs)}`,
    anchor: 'start',
    kind: 'budget-label',
  } as const
  const at = y(limitMs)
  return [
    { ...common, x: left + 6, y: at - 5 },
    { ...common, x: left + 6, y: at + 14 },
    { ...common, x: x(q) + 8, y: at + 4 },
  ]
}

interface Reading {
  x: number
  y: number
  label: string
  over: boolean
}

/** The curve's values at the budgets with enough samples, and its maximum. */
function readingsOf(histogram: Histogram, budgets: readonly PercentileBudget[], { x, y }: Scales): Reading[] {
  const n = countOf(histogram)
  if (n === 0) return []
  const most = quantile(histogram, 1)
  const reached = budgets.filter(({ q }) => q <= slowest(n))
  return [
    ...reached.map(({ q, label, limitMs }) => {
      const actual = quantile(histogram, q)
      return {
        x: x(q),
        y: y(actual),
        label: `${label} ${amount('ms', actual, limitMs)}`,
        over: actual >= limitMs,
      }
    }),
    { x: x(slowest(n)), y: y(most), label: `max ${amount('ms', most)}`, over: false },
  ]
}

/** Left above the rising curve, else right below it; further away where another label is. */
function readingLabels({ x, y, label, over }: Reading): Label[] {
  const common = { text: label, kind: over ? 'over' : 'strong' } as const
  const lines = [0, 14, 28]
  return [
    ...lines.map((further) => ({ ...common, x: x - 6, y: y - 9 - further, anchor: 'end' as const })),
    ...lines.map((further) => ({ ...common, x: x + 6, y: y + 18 + further, anchor: 'start' as const })),
    { ...common, x: x + 8, y: y - 9, anchor: 'start' },
  ]
}

/** The label of a mark in a chart. `y` is the baseline; `x` is the side that `anchor` names. */
export interface Label {
  x: number
  y: number
  text: string
  anchor: 'start' | 'end'
  kind: 'strong' | 'over' | 'budget-label'
}

export interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

/**
 * Labels within `room` that overlap neither each other nor a mark or curve in `taken`. Each has its possible
 * positions, the best first. A label without a free position is left out: a phone chart has no space for
 * all, and the figures are below it.
 */
export function placed(labels: readonly (readonly Label[])[], room: Box, taken: readonly Box[]): Markup[] {
  const boxes = [...taken]
  return labels.flatMap((places) => {
    const free = places.find(
      (place) => within(boxOf(place), room) && !boxes.some((box) => overlap(box, boxOf(place))),
    )
    if (!free) return []
    boxes.push(boxOf(free))
    return [words(free.x, free.y, free.text, free.anchor, free.kind)]
  })
}

function boxOf({ x, y, text, anchor, kind }: Label): Box {
  const width = widthOf(text, kind !== 'budget-label')
  const left = anchor === 'end' ? x - width : x
  return { left, right: left + width, top: y - 10, bottom: y + 3 }
}

function within(box: Box, room: Box): boolean {
  return box.left >= room.left && box.right <= room.right && box.top >= room.top && box.bottom <= room.bottom
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

/** The area of a curve, one box for each segment. */
export function boxesAlong(points: readonly (readonly [x: number, y: number])[]): Box[] {
  return points.slice(1).map(([x, y], index) => {
    const [fromX, fromY] = points[index] ?? [x, y]
    return {
      left: Math.min(x, fromX) - 1,
      right: Math.max(x, fromX) + 1,
      top: Math.min(y, fromY) - 2,
      bottom: Math.max(y, fromY) + 2,
    }
  })
}

/** The area of a horizontal line. */
export function lineBox(left: number, right: number, y: number): Box {
  return { left, right, top: y - 1, bottom: y + 1 }
}

export function boxAround(x: number, y: number, radius: number): Box {
  return { left: x - radius, right: x + radius, top: y - radius, bottom: y + radius }
}
