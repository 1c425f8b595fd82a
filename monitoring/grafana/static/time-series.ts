import { area, line as lineShape } from 'd3-shape'
import { chart, line, words, element } from '../../../reports/html/index.ts'
import type { Markup, Tick } from '../../../reports/html/index.ts'
import { namedColour, seriesColour, format, legend } from './format.ts'
import { namedSeries } from './data.ts'
import type { Drawing, NamedSeries } from './data.ts'
import { scaleLinear, scaleLog } from 'd3-scale'
import { z } from 'zod'
import type { Span } from '../query/prometheus.ts'

export interface Axis {
  at: (value: number) => number
  ticks: Tick[]
  /** The values at its ends. */
  least: number
  most: number
}

/** The time of day, UTC, at round values. */
export function timeAxis({ from, to }: Span, left: number, right: number): Axis {
  const scale = scaleLinear([from, to], [left, right])
  const every =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400].find(
      (seconds) => ((right - left) / (to - from)) * seconds > 74,
    ) ?? 86_400
  const first = Math.ceil(from / every) * every
  const ticks = Array.from(
    { length: Math.max(0, Math.floor((to - first) / every) + 1) },
    (_, index) => first + index * every,
  )
  const label = (at: number): string => new Date(at * 1000).toISOString().slice(11, every < 60 ? 19 : 16)
  return {
    at: (value) => scale(value),
    ticks: ticks.map((at) => ({ at: scale(at), label: label(at) })),
    least: from,
    most: to,
  }
}

/** From 0 to at least the highest value. */
export function linearAxis(
  most: number,
  bottom: number,
  top: number,
  label: (value: number) => string,
): Axis {
  const scale = scaleLinear([0, most > 0 ? most : 1], [bottom, top]).nice(4)
  const [, end = most] = scale.domain()
  return {
    at: (value) => scale(value),
    ticks: scale.ticks(4).map((value) => ({ at: scale(value), label: label(value) })),
    least: 0,
    most: end,
  }
}

/** For values over several powers of ten. Values of 0 and less are at its lower end. */
export function logAxis(
  values: readonly number[],
  bottom: number,
  top: number,
  label: (value: number) => string,
): Axis {
  const positive = values.filter((value) => value > 0)
  const least = Math.min(...(positive.length > 0 ? positive : [1])) / 1.5
  const most = Math.max(...(positive.length > 0 ? positive : [1])) * 1.5
  const scale = scaleLog([least, most], [bottom, top]).clamp(true)
  const decades = most / least > 100 ? [1] : [1, 3]
  const ticks = scale
    .ticks(20)
    .filter((value) =>
      decades.some((digit) => Math.abs(value / 10 ** Math.floor(Math.log10(value) + 1e-9) - digit) < 1e-6),
    )
  return {
    at: (value) => scale(Math.max(value, least)),
    ticks: ticks.map((value) => ({ at: scale(value), label: label(value) })),
    least,
    most,
  }
}

/** One point of a curve: its base when stacked, and its value. NaN without a sample. */
interface Point {
  at: number
  base: number
  top: number
}

interface Curve {
  name: string
  colour: string
  dashed: boolean
  points: Point[]
}

const margin = { top: 8, right: 10, bottom: 22, left: 68 }

/** Values over time, with the limits inside the plot and the marks of events. */
export function drawTimeSeries(drawing: Drawing): Markup[] {
  const { panel, span, size } = drawing
  const curves = toCurves(drawing)
  const [left, right, bottom] = [margin.left, size.width - margin.right, size.height - margin.bottom]
  const x = timeAxis(span, left, right)
  const y = valueAxis(drawing, curves, bottom)
  const plot = { size, margin, xTitle: '', yTitle: '', xTicks: x.ticks, yTicks: y.ticks }
  const caption = { id: `p${panel.id}`, title: panel.title, description: panel.description }
  const limits = (panel.fieldConfig.defaults.thresholds?.steps ?? []).flatMap(({ value, color }) =>
    value === null || value > y.most || value < y.least
      ? []
      : [
          element('line', {
            x1: left,
            x2: right,
            y1: y.at(value),
            y2: y.at(value),
            stroke: namedColour(color),
            'stroke-width': 1.2,
            'stroke-dasharray': '5 4',
          }),
        ],
  )
  const marks = drawing.marks
    .filter(({ at }) => at >= span.from && at <= span.to)
    .map(({ at, colour }) =>
      element('line', {
        x1: x.at(at),
        x2: x.at(at),
        y1: margin.top,
        y2: bottom,
        stroke: namedColour(colour),
        'stroke-width': 1,
        'stroke-dasharray': '2 3',
      }),
    )
  const drawn =
    curves.length > 0
      ? curves.flatMap((curve) => drawCurve(curve, x, y, isStacked(drawing)))
      : [words((left + right) / 2, bottom / 2, panel.fieldConfig.defaults.noValue ?? 'No data', 'middle')]
  return [
    chart(caption, plot, [...marks, ...limits, ...drawn, line('axis', left, bottom, right, bottom)]),
    legend(
      curves
        .toSorted((a, b) => lastOf(b) - lastOf(a))
        .map((curve) => ({ ...curve, value: format(panel.fieldConfig.defaults.unit, lastOf(curve), 0) })),
    ),
  ]
}

/** The last value of a curve, without what it is stacked on; the lowest of all when it has none. */
function lastOf({ points }: Curve): number {
  const last = points.findLast(({ top }) => Number.isFinite(top))
  return last === undefined ? Number.NEGATIVE_INFINITY : last.top - last.base
}

function toCurves(drawing: Drawing): Curve[] {
  const below = new Map<number, number>()
  const stacked = isStacked(drawing)
  return namedSeries(drawing).map((named, index) => {
    const points = toPoints(named, drawing).map(({ at, value }) => {
      const base = stacked ? (below.get(at) ?? 0) : 0
      if (stacked && Number.isFinite(value)) below.set(at, base + value)
      return { at, base, top: base + value }
    })
    return {
      name: named.name,
      colour: fixedColour(drawing, named.name) ?? seriesColour(index),
      dashed: isDashed(drawing, named.name),
      points,
    }
  })
}

// A step without a sample is a visible gap.
function toPoints({ series }: NamedSeries, { span }: Drawing): { at: number; value: number }[] {
  const values = new Map(series.samples.map(({ at, value }) => [Math.round(at), value]))
  return Array.from(
    { length: Math.floor((span.to - span.from) / span.step) + 1 },
    (_, index) => span.from + index * span.step,
  ).map((at) => ({ at, value: values.get(Math.round(at)) ?? Number.NaN }))
}

function valueAxis({ panel }: Drawing, curves: readonly Curve[], bottom: number): Axis {
  const { unit, custom } = panel.fieldConfig.defaults
  const values = curves.flatMap(({ points }) => points.map(({ top }) => top)).filter(Number.isFinite)
  const label = (value: number): string => format(unit, value, 0)
  if (custom?.scaleDistribution?.type === 'log') return logAxis(values, bottom, margin.top, label)
  const most = values.reduce((a, b) => Math.max(a, b), 0)
  const end = custom?.axisSoftMax ?? 0
  return linearAxis(most <= end ? end : most * 1.05, bottom, margin.top, label)
}

function drawCurve({ points, colour, dashed }: Curve, x: Axis, y: Axis, stacked: boolean): Markup[] {
  const defined = ({ top }: Point): boolean => Number.isFinite(top)
  const outline =
    lineShape<Point>()
      .digits(1)
      .defined(defined)
      .x(({ at }) => x.at(at))
      .y(({ top }) => y.at(top))(points) ?? ''
  const surface =
    area<Point>()
      .digits(1)
      .defined(defined)
      .x(({ at }) => x.at(at))
      .y0(({ base }) => y.at(base))
      .y1(({ top }) => y.at(top))(points) ?? ''
  const dots = points.filter(
    (point, index) =>
      defined(point) &&
      ![points[index - 1], points[index + 1]].some((other) => other !== undefined && defined(other)),
  )
  return [
    ...(stacked ? [element('path', { d: surface, fill: colour, opacity: 0.35 })] : []),
    element('path', {
      d: outline,
      stroke: colour,
      fill: 'none',
      'stroke-width': 1.5,
      'stroke-linejoin': 'round',
      'stroke-dasharray': dashed ? '8 5' : undefined,
    }),
    ...dots.map(({ at, top }) => element('circle', { cx: x.at(at), cy: y.at(top), r: 2.5, fill: colour })),
  ]
}

function isStacked({ panel }: Drawing): boolean {
  return panel.fieldConfig.defaults.custom?.stacking?.mode === 'normal'
}

function isDashed({ panel }: Drawing, name: string): boolean {
  return panel.fieldConfig.overrides.some(
    ({ matcher, properties }) =>
      matcher.id === 'byName' &&
      matcher.options === name &&
      properties.some(({ id }) => id === 'custom.lineStyle'),
  )
}

const fixed = z.object({ fixedColor: z.string() })

/** The colour that the dashboard's file gives a series. */
function fixedColour({ panel }: Drawing, name: string): string | undefined {
  const property = panel.fieldConfig.overrides
    .filter(({ matcher }) => matcher.id === 'byName' && matcher.options === name)
    .flatMap(({ properties }) => properties)
    .find(({ id }) => id === 'color')
  return property === undefined ? undefined : namedColour(fixed.parse(property.value).fixedColor)
}
