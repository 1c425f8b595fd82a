import type { TimelinePoint } from '../../../record/index.ts'
import { scaleLinear } from 'd3-scale'
import type { ScaleLinear } from 'd3-scale'
import { area, curveStepAfter, line as lineShape } from 'd3-shape'
import { amount } from '../../../baselines/index.ts'
import { formatCount, formatRate, formatSeconds } from '../../wording/index.ts'
import { element } from '../markup.ts'
import type { Markup } from '../markup.ts'
import { axisNumber, chart, line, tip, widthOf, words } from './frame.ts'
import type { Caption, Margin, Plot, Size, Tick } from './frame.ts'

export const percentiles = ['p50Ms', 'p95Ms', 'p99Ms'] as const
export type Percentile = (typeof percentiles)[number]

/** A section of a run: rates per second, and the highest percentiles of its seconds. */
export interface Stretch extends Record<Percentile, number | undefined> {
  fromSecond: number
  requestsPerSecond: number
  errorsPerSecond: number
}

export interface Timeline {
  /** Length of a stretch. */
  seconds: number
  stretches: Stretch[]
}

const mostStretches = 240

/**
 * A timeline of one entry per second as at most 240 sections of equal length, so that a run of a day fits
 * into a chart. Requests and errors are averaged over a section. Of percentiles the maximum is kept, because
 * they cannot be averaged. A section without an entry had no request and is drawn as a gap.
 */
export function stretchesOf(timeline: readonly TimelinePoint[]): Timeline {
  const last = timeline.reduce((most, { atMs }) => Math.max(most, atMs), 0)
  const seconds = Math.max(1, Math.ceil((Math.floor(last / 1000) + 1) / mostStretches))
  if (timeline.length === 0) return { seconds, stretches: [] }
  const groups = Map.groupBy(timeline, ({ atMs }) => Math.floor(atMs / 1000 / seconds))
  const length = Math.floor(last / 1000 / seconds) + 1
  return {
    seconds,
    stretches: Array.from({ length }, (_, index) => stretchOf(index * seconds, groups.get(index) ?? [])),
  }
}

function stretchOf(fromSecond: number, points: readonly TimelinePoint[]): Stretch {
  const mean = (pick: (point: TimelinePoint) => number): number =>
    points.reduce((total, point) => total + pick(point), 0) / Math.max(points.length, 1)
  const most = (name: Percentile): number | undefined => maxOf(points.flatMap((point) => point[name] ?? []))
  return {
    fromSecond,
    requestsPerSecond: mean(({ requests }) => requests),
    errorsPerSecond: mean(({ errors }) => errors),
    p50Ms: most('p50Ms'),
    p95Ms: most('p95Ms'),
    p99Ms: most('p99Ms'),
  }
}

function maxOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((a, b) => Math.max(a, b))
}

export interface OverTime {
  timeline: Timeline
  firstFailureMs: number | undefined
  size: Size
}

const margin: Margin = { top: 46, right: 24, bottom: 42, left: 60 }

type Pick = (stretch: Stretch) => number
const requestsOf: Pick = ({ requestsPerSecond }) => requestsPerSecond
const errorsOf: Pick = ({ errorsPerSecond }) => errorsPerSecond

/** The highest rate of all sections. */
export function highest({ stretches }: Timeline, of: 'requests' | 'errors'): number {
  const pick = of === 'requests' ? requestsOf : errorsOf
  return stretches.reduce((max, stretch) => Math.max(max, pick(stretch)), 0)
}

/** Requests and errors per second over the run, with a mark at the first failure. */
export function throughputChart(caption: Caption, options: OverTime): Markup {
  const { timeline } = options
  const failed = highest(timeline, 'errors') > 0
  const { x, y, plot } = scales(
    options,
    failed ? 'Requests and errors per second' : 'Requests per second',
    highest(timeline, 'requests'),
  )
  const extended = lengthened(timeline)
  const outline =
    lineShape<Stretch>()
      .digits(1)
      .curve(curveStepAfter)
      .x(({ fromSecond }) => x(fromSecond))
      .y((stretch) => y(requestsOf(stretch)))(extended) ?? ''
  return chart(caption, plot, [
    element('path', { class: 'area', d: filled(extended, x, y, requestsOf) }),
    ...(failed ? [element('path', { class: 'bad-area', d: filled(extended, x, y, errorsOf) })] : []),
    element('path', { class: 'series', d: outline }),
    ...firstFailure(options, x),
    ...hoverBands(options, x),
  ])
}

/** Errors on a separate axis: 2 % break most budgets, but are invisible next to the requests. */
export function errorsChart(caption: Caption, options: OverTime): Markup {
  const { x, y, plot } = scales(options, 'Errors per second', highest(options.timeline, 'errors'))
  return chart(caption, plot, [
    element('path', { class: 'bad-area', d: filled(lengthened(options.timeline), x, y, errorsOf) }),
    ...firstFailure(options, x),
    ...hoverBands(options, x),
  ])
}

function filled(
  stretches: readonly Stretch[],
  x: (second: number) => number,
  y: (value: number) => number,
  pick: Pick,
): string {
  return (
    area<Stretch>()
      .digits(1)
      .curve(curveStepAfter)
      .x(({ fromSecond }) => x(fromSecond))
      .y0(y(0))
      .y1((stretch) => y(pick(stretch)))([...stretches]) ?? ''
  )
}

/** A p99 above this many times the highest p95 leaves the chart, which its caption says. */
const mostP99 = 3

/** The end of the axis, in milliseconds, but for a budget. */
export function latencyTop(timeline: Timeline): number {
  const [p95, p99] = [highestOf(timeline, 'p95Ms'), highestOf(timeline, 'p99Ms')]
  return p95 > 0 ? Math.max(p95, Math.min(p99, mostP99 * p95)) : Math.max(p99, highestOf(timeline, 'p50Ms'))
}

/**
 * The percentiles of each section, p95 in front. The budget is drawn unless it would flatten the curves; then
 * the caption states it.
 */
export function latencyChart(caption: Caption, options: OverTime & { limitMs: number | undefined }): Markup {
  const { size, limitMs, timeline } = options
  const top = latencyTop(timeline)
  const drawn = limitMs !== undefined && budgetFits(limitMs, highestOf(timeline, 'p95Ms'))
  const { x, y, plot } = scales(options, 'Latency (ms)', Math.max(top, drawn ? limitMs : 0) * 1.12)
  const curve = (name: Percentile): Markup[] =>
    highestOf(timeline, name) === 0 ? [] : percentileMarks(name, options, x, y)
  return chart(caption, plot, [
    ...(drawn ? [line('budget', margin.left, y(limitMs), size.width - margin.right, y(limitMs))] : []),
    ...curve('p99Ms'),
    ...curve('p50Ms'),
    ...curve('p95Ms'),
    ...(drawn
      ? [words(margin.left + 6, y(limitMs) - 6, `p95 < ${amount('ms', limitMs)}`, 'start', 'budget-label')]
      : []),
    ...firstFailure(options, x),
    ...hoverBands(options, x),
  ])
}

function percentileMarks(
  name: Percentile,
  { timeline }: OverTime,
  x: ScaleLinear<number, number>,
  y: ScaleLinear<number, number>,
): Markup[] {
  const [low = 0, high = 0] = y.domain()
  const center = ({ fromSecond }: Stretch): number => x(fromSecond + timeline.seconds / 2)
  const height = (stretch: Stretch): number => y(Math.min(high, Math.max(low, stretch[name] ?? 0)))
  const isKnown = (stretch: Stretch | undefined): stretch is Stretch => stretch?.[name] !== undefined
  const path = lineShape<Stretch>().digits(1).defined(isKnown).x(center).y(height)(timeline.stretches) ?? ''
  return [
    element('path', { class: `series ${name.slice(0, -2)}`, d: path }),
    // A line needs two points.
    ...timeline.stretches
      .filter(
        (stretch, index, all) => isKnown(stretch) && !isKnown(all[index - 1]) && !isKnown(all[index + 1]),
      )
      .map((stretch) =>
        element('circle', { class: 'dot', cx: center(stretch), cy: height(stretch), r: 3.5 }),
      ),
  ]
}

/** The highest of all sections; 0 when none was measured. */
export function highestOf({ stretches }: Timeline, name: Percentile): number {
  return stretches.reduce((max, stretch) => Math.max(max, stretch[name] ?? 0), 0)
}

export function budgetFits(limitMs: number, highestMs: number): boolean {
  return limitMs <= highestMs * 4
}

function scales(
  { timeline, size }: OverTime,
  yTitle: string,
  most: number,
): { x: ScaleLinear<number, number>; y: ScaleLinear<number, number>; plot: Plot } {
  const end = (timeline.stretches.at(-1)?.fromSecond ?? 0) + timeline.seconds
  const x = scaleLinear([0, end], [margin.left, size.width - margin.right])
  const y = scaleLinear([0, most > 0 ? most : 1], [size.height - margin.bottom, margin.top]).nice(5)
  const unit = timeUnit(end)
  const plot = {
    size,
    margin,
    xTitle: `${unit.name} since the measurement began`,
    yTitle,
    xTicks: timeTicks(x, end, unit.seconds, size.width < 500 ? 5 : 10),
    yTicks: y.ticks(5).map((value) => ({ at: y(value), label: axisNumber(value) })),
  }
  return { x, y, plot }
}

function timeUnit(seconds: number): { name: string; seconds: number } {
  if (seconds > 3 * 3600) return { name: 'Hours', seconds: 3600 }
  return seconds > 600 ? { name: 'Minutes', seconds: 60 } : { name: 'Seconds', seconds: 1 }
}

function timeTicks(x: ScaleLinear<number, number>, end: number, unitSeconds: number, ticks: number): Tick[] {
  return scaleLinear([0, end / unitSeconds], [0, 1])
    .ticks(ticks)
    .map((value) => ({ at: x(value * unitSeconds), label: axisNumber(value) }))
}

// A step curve needs an end: the last section is as long as the others.
function lengthened({ stretches, seconds }: Timeline): Stretch[] {
  const last = stretches.at(-1)
  return last ? [...stretches, { ...last, fromSecond: last.fromSecond + seconds }] : []
}

/** The label is above the plot, where neither curve nor error area is behind it. */
function firstFailure({ firstFailureMs, size }: OverTime, x: ScaleLinear<number, number>): Markup[] {
  if (firstFailureMs === undefined) return []
  const right = size.width - margin.right
  const at = Math.min(x(firstFailureMs / 1000), right)
  const label = `first failure at ${formatSeconds(firstFailureMs)}`
  const late = at + 6 + widthOf(label, true) > right
  return [
    line('event', at, margin.top - 18, at, size.height - margin.bottom),
    words(late ? at - 6 : at + 6, margin.top - 9, label, late ? 'end' : 'start', 'over'),
  ]
}

/** A page with forty runs stays small. */
const mostBands = 40

/** Invisible bands over the plot that show the figures of their time on hover, which needs no script. */
function hoverBands({ timeline, size }: OverTime, x: ScaleLinear<number, number>): Markup[] {
  const { stretches, seconds } = timeline
  const every = Math.max(1, Math.ceil(stretches.length / mostBands))
  return Array.from({ length: Math.ceil(stretches.length / every) }, (_, band) => {
    const group = stretches.slice(band * every, (band + 1) * every)
    const from = group[0]?.fromSecond ?? 0
    const to = from + group.length * seconds
    const mean = (pick: Pick): number => group.reduce((sum, one) => sum + pick(one), 0) / group.length
    const label = [
      `${formatCount(from)} to ${formatCount(to)} s: ${formatRate(mean(requestsOf))} req/s`,
      `${formatRate(mean(errorsOf))} errors/s`,
      ...percentiles.flatMap((name) => {
        const most = maxOf(group.flatMap((one) => one[name] ?? []))
        return most === undefined ? [] : [`${name.slice(0, -2)} at most ${amount('ms', most)}`]
      }),
    ].join(', ')
    const [left, top] = [x(from), margin.top]
    return element(
      'rect',
      { class: 'hover', x: left, y: top, width: x(to) - left, height: size.height - margin.bottom - top },
      tip(label),
    )
  })
}
