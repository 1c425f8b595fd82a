import { scaleLinear } from 'd3-scale'
import type { ScaleLinear } from 'd3-scale'
import { area, curveStepAfter, line as lineShape } from 'd3-shape'
import { amount } from '../../../baselines/index.ts'
import { count, moment } from '../../wording/index.ts'
import { element } from '../markup.ts'
import type { Markup } from '../markup.ts'
import { chart, line, words } from './frame.ts'
import type { Caption, Margin, Plot, Size } from './frame.ts'
import type { Stretch } from './timeline.ts'

export interface OverTime {
  stretches: readonly Stretch[]
  /** Length of a stretch. */
  seconds: number
  firstFailureMs: number | undefined
  size: Size
}

const margin: Margin = { top: 30, right: 18, bottom: 42, left: 60 }

/** Requests and errors per second over the run; the first failure is marked. */
export function throughputChart(caption: Caption, options: OverTime): Markup {
  const { stretches, size } = options
  const most = stretches.reduce((max, { requestsPerSecond }) => Math.max(max, requestsPerSecond), 0)
  const { x, y, plot } = scales(options, 'Requests and errors per second', most)
  const extended = lengthened(stretches, options.seconds)
  const shape = (pick: (stretch: Stretch) => number): string =>
    area<Stretch>().digits(1).curve(curveStepAfter).x(({ fromSecond }) => x(fromSecond)).y0(y(0)).y1((stretch) => y(pick(stretch)))(extended) ?? ''
  const outline = lineShape<Stretch>().digits(1).curve(curveStepAfter).x(({ fromSecond }) => x(fromSecond)).y(({ requestsPerSecond }) => y(requestsPerSecond))(extended) ?? ''
  return chart(caption, plot, [
    element('path', { class: 'area', d: shape(({ requestsPerSecond }) => requestsPerSecond) }),
    ...(stretches.some(({ errorsPerSecond }) => errorsPerSecond > 0) ? [element('path', { class: 'bad-area', d: shape(({ errorsPerSecond }) => errorsPerSecond) })] : []),
    element('path', { class: 'series', d: outline }),
    ...firstFailure(options, x, size),
  ])
}

/** The 95th percentile of each second; the budget is drawn where it would not flatten the curve, else the caption says where it is. */
export function p95Chart(caption: Caption, options: OverTime & { limitMs: number | undefined }): Markup {
  const { stretches, size, limitMs } = options
  const highest = stretches.reduce((max, { p95Ms }) => Math.max(max, p95Ms ?? 0), 0)
  const drawn = limitMs !== undefined && budgetFits(limitMs, highest)
  const { x, y, plot } = scales(options, 'p95 latency (ms)', Math.max(highest, drawn ? limitMs : 0) * 1.08)
  const path = lineShape<Stretch>().digits(1).defined(({ p95Ms }) => p95Ms !== undefined).x(({ fromSecond }) => x(fromSecond + options.seconds / 2)).y(({ p95Ms }) => y(p95Ms ?? 0))(stretches) ?? ''
  return chart(caption, plot, [
    ...(drawn ? [line('budget', margin.left, y(limitMs), size.width - margin.right, y(limitMs)), words(margin.left + 6, y(limitMs) - 5, `p95 < ${amount('ms', limitMs)}`, 'start', 'budget-label')] : []),
    element('path', { class: 'series', d: path }),
    ...firstFailure(options, x, size),
  ])
}

export function budgetFits(limitMs: number, highestMs: number): boolean {
  return limitMs <= highestMs * 4
}

function scales({ stretches, seconds, size }: OverTime, yTitle: string, most: number): { x: ScaleLinear<number, number>; y: ScaleLinear<number, number>; plot: Plot } {
  const end = (stretches.at(-1)?.fromSecond ?? 0) + seconds
  const x = scaleLinear([0, end], [margin.left, size.width - margin.right])
  const y = scaleLinear([0, Math.max(most, 1e-9)], [size.height - margin.bottom, margin.top]).nice(5)
  const ticks = { x: x.ticks(size.width < 500 ? 5 : 10), y: y.ticks(5) }
  return {
    x,
    y,
    plot: {
      size,
      margin,
      xTitle: 'Seconds since the measurement began',
      yTitle,
      xTicks: ticks.x.map((value) => ({ at: x(value), label: count(value) })),
      yTicks: ticks.y.map((value) => ({ at: y(value), label: axisNumber(value) })),
    },
  }
}

function axisNumber(value: number): string {
  if (value >= 1e6) return value.toExponential(0).replace('e+', 'e')
  return value >= 1000 ? count(value) : String(Number(value.toPrecision(4)))
}

// A step needs an end: the last stretch is as long as the others.
function lengthened(stretches: readonly Stretch[], seconds: number): Stretch[] {
  const last = stretches.at(-1)
  return last ? [...stretches, { ...last, fromSecond: last.fromSecond + seconds }] : []
}

function firstFailure({ firstFailureMs }: OverTime, x: ScaleLinear<number, number>, size: Size): Markup[] {
  if (firstFailureMs === undefined) return []
  const at = Math.min(x(firstFailureMs / 1000), size.width - margin.right)
  const late = at > size.width * 0.6
  return [line('event', at, margin.top - 6, at, size.height - margin.bottom), words(late ? at - 6 : at + 6, margin.top + 4, `first failure at ${moment(firstFailureMs)}`, late ? 'end' : 'start', 'over')]
}
