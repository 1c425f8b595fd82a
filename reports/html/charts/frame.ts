import { element, raw, text } from '../markup.ts'
import type { Markup } from '../markup.ts'
import { formatCount, notMeasured } from '../../wording/index.ts'
import { scaleLog } from 'd3-scale'

export interface Size {
  width: number
  height: number
}

export interface Margin {
  top: number
  right: number
  bottom: number
  left: number
}

/** A position on an axis in pixels, and its label. */
export interface Tick {
  at: number
  label: string
}

/** The text alternative of a chart. */
export interface Caption {
  /** Unique in the page. */
  id: string
  title: string
  description: string
}

export interface Plot {
  size: Size
  margin: Margin
  xTitle: string
  yTitle: string
  xTicks: readonly Tick[]
  yTicks: readonly Tick[]
}

/**
 * A chart as one SVG: grid, axes with titles and ticks, then its content on top. `kind` is a class of the
 * stylesheet.
 */
export function chart(caption: Caption, plot: Plot, content: readonly Markup[], kind = ''): Markup {
  const { id, title, description } = caption
  const { width, height } = plot.size
  return element(
    'svg',
    {
      class: `chart ${kind}`.trim(),
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'aria-labelledby': `${id}-t ${id}-d`,
    },
    [
      element('title', { id: `${id}-t` }, text(title)),
      element('desc', { id: `${id}-d` }, text(description)),
      ...axes(plot),
      ...content,
    ],
  )
}

function axes({ size, margin, xTitle, yTitle, xTicks, yTicks }: Plot): Markup[] {
  const { left, top } = margin
  const right = size.width - margin.right
  const bottom = size.height - margin.bottom
  return [
    ...yTicks.flatMap(({ at, label }) => [
      line('grid', left, at, right, at),
      words(left - 7, at + 4, label, 'end'),
    ]),
    ...apart(xTicks).flatMap(({ at, label }) => [
      line('axis', at, bottom, at, bottom + 4),
      words(Math.min(at, size.width - widthOf(label) / 2), bottom + 17, label, 'middle'),
    ]),
    line('axis', left, bottom, right, bottom),
    words(left + (right - left) / 2, size.height - 4, xTitle, 'middle', 'axis-title'),
    words(2, Math.min(14, Math.max(10, top - 8)), yTitle, 'start', 'axis-title'),
  ]
}

/**
 * Ticks without those whose label would touch the previous one. Long numbers need more space than a short
 * axis has.
 */
function apart(ticks: readonly Tick[]): Tick[] {
  const kept: Tick[] = []
  for (const tick of ticks) {
    const last = kept.at(-1)
    if (!last || tick.at - last.at >= (widthOf(last.label) + widthOf(tick.label)) / 2 + 8) kept.push(tick)
  }
  return kept
}

export function line(kind: string, x1: number, y1: number, x2: number, y2: number): Markup {
  return element('line', { class: kind, x1, y1, x2, y2 })
}

/** What a browser shows when the pointer rests on a mark. */
export function tip(label: string): Markup {
  return element('title', {}, text(label))
}

export function words(
  x: number,
  y: number,
  label: string,
  anchor: 'start' | 'middle' | 'end',
  kind?: string,
): Markup {
  return label === ''
    ? raw('')
    : element(
        'text',
        { x, y, 'text-anchor': anchor === 'start' ? undefined : anchor, class: kind },
        text(label),
      )
}

/**
 * The maximum width of a text of the charts' 12 px. It cannot be measured here, so every character counts as
 * wide as the digits and letters of the widest typeface in use, and the percent sign as wider.
 */
export function widthOf(label: string, bold = false): number {
  return [...label].length * (bold ? 8 : 6.9) + (label.split('%').length - 1) * 4.6
}

/** A chart for a screen and one for a phone, where text scaled down with the chart would be unreadable. */
export function responsive(
  id: string,
  height: number,
  draw: (size: Size, id: string, narrow: boolean) => Markup,
): Markup[] {
  return [
    element('div', { class: 'wide-only' }, draw({ width: 1030, height }, `${id}w`, false)),
    element('div', { class: 'narrow-only' }, draw({ width: 328, height: 250 }, `${id}n`, true)),
  ]
}

/** A number on an axis: about six characters for any value, so that no label is cut. */
export function axisNumber(value: number): string {
  if (!Number.isFinite(value)) return notMeasured
  if (value >= 1e5) return Number(value.toPrecision(3)).toExponential().replace('e+', 'e')
  return value >= 1000 ? formatCount(value) : String(Number(value.toPrecision(3)))
}

/** A logarithmic axis for milliseconds: the position of a value in pixels, and ticks at 1, 2 and 5. */
export interface LogAxis {
  at: (ms: number) => number
  ticks: Tick[]
}

export interface LatencyDomain {
  least: number
  most: number
}

/**
 * The smallest domain that contains all values, with a margin. Values without a logarithm (0) are at its
 * lower end.
 */
export function latencyDomain(values: readonly number[]): LatencyDomain {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value))
  if (positive.length === 0) return { least: 1, most: 10 }
  const least = positive.reduce((a, b) => Math.min(a, b))
  const most = positive.reduce((a, b) => Math.max(a, b))
  return { least: least / 1.25, most: Math.max(most * 1.3, least * 2) }
}

export function logAxis(
  { least, most }: LatencyDomain,
  from: number,
  to: number,
  mostTicks: number,
): LogAxis {
  const scale = scaleLog([least, most], [from, to]).clamp(true)
  const all = [1, 2, 5]
    .flatMap((step) => decades(least, most).map((decade) => step * decade))
    .filter((value) => value >= least && value <= most)
  const sparse =
    all.length <= mostTicks ? all : decades(least, most).filter((value) => value >= least && value <= most)
  const every = Math.ceil(sparse.length / mostTicks)
  const shown = sparse.toSorted((a, b) => a - b).filter((_, index) => index % every === 0)
  return {
    at: (ms) => scale(Math.max(ms, least)),
    ticks: shown.map((value) => ({ at: scale(value), label: axisNumber(value) })),
  }
}

function decades(least: number, most: number): number[] {
  const first = Math.floor(Math.log10(least))
  const last = Math.ceil(Math.log10(most))
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number((10 ** (first + index)).toPrecision(6)),
  )
}
