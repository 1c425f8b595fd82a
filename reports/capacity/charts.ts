import { scaleLinear } from 'd3-scale'
import { line as lineShape } from 'd3-shape'
import type { CapacityResult, Level } from '../../load/capacity/index.ts'
import { axisNumber } from '../html/charts/axis-number.ts'
import { chart, line } from '../html/charts/frame.ts'
import type { Margin, Size } from '../html/charts/frame.ts'
import { latencyDomain, logAxis } from '../html/charts/log-axis.ts'
import { element } from '../html/markup.ts'
import type { Markup } from '../html/markup.ts'

const margin: Margin = { top: 34, right: 20, bottom: 42, left: 60 }

/** Throughput against load. */
export function throughputChart(result: CapacityResult, size: Size, id: string): Markup {
  const levels = measured(result)
  const x = loadScale(result, size)
  const y = scaleLinear(
    [0, Math.max(...levels.map(({ throughputRps }) => throughputRps), 1) * 1.08],
    [size.height - margin.bottom, margin.top],
  )
  const yTicks = y.ticks(6).map((value) => ({ at: y(value), label: axisNumber(value) }))
  const caption = {
    id,
    title: 'Throughput against load',
    description: `Requests per second at ${levels.length} loads`,
  }
  return chart(caption, plotOf(result, size, x, 'Requests per second', yTicks), [
    ...kneeMarks(result, x, size),
    ...curve(levels, x, (level) => y(level.throughputRps)),
  ])
}

/** p95 against load, on a logarithmic axis, with its budget. */
export function latencyChart(
  result: CapacityResult,
  size: Size,
  id: string,
  budgetMs: number | undefined,
): Markup {
  const levels = measured(result)
  const x = loadScale(result, size)
  const axis = logAxis(
    latencyDomain([...levels.map(({ p95Ms }) => p95Ms), ...(budgetMs === undefined ? [] : [budgetMs])]),
    size.height - margin.bottom,
    margin.top,
    9,
  )
  const caption = {
    id,
    title: 'p95 against load',
    description: `The 95th percentile of latency at ${levels.length} loads`,
  }
  const budget =
    budgetMs === undefined
      ? []
      : [line('budget', margin.left, axis.at(budgetMs), size.width - margin.right, axis.at(budgetMs))]
  return chart(caption, plotOf(result, size, x, 'p95 (ms, log scale)', axis.ticks), [
    ...budget,
    ...kneeMarks(result, x, size),
    ...curve(levels, x, (level) => axis.at(level.p95Ms)),
  ])
}

type Scale = (load: number) => number

function measured({ levels }: CapacityResult): Level[] {
  return levels.filter(({ outcome }) => outcome !== 'unmeasured')
}

function loadScale(result: CapacityResult, size: Size): Scale & { ticks: (count: number) => number[] } {
  return scaleLinear(
    [0, Math.max(...measured(result).map(({ load }) => load), 1) * 1.03],
    [margin.left, size.width - margin.right],
  )
}

function plotOf(
  result: CapacityResult,
  size: Size,
  x: ReturnType<typeof loadScale>,
  yTitle: string,
  yTicks: { at: number; label: string }[],
) {
  return {
    size,
    margin,
    xTitle: `Load (${result.loadUnit})`,
    yTitle,
    xTicks: x.ticks(8).map((value) => ({ at: x(value), label: axisNumber(value) })),
    yTicks,
  }
}

/** The load that keeps every budget and the one that breaks one: the knee lies between the two lines. */
function kneeMarks({ knee }: CapacityResult, x: Scale, size: Size): Markup[] {
  const at = knee.state === 'found' ? [knee.keeps, knee.breaks] : []
  return at.map((load) => line('budget', x(load), margin.top, x(load), size.height - margin.bottom))
}

function curve(levels: readonly Level[], x: Scale, y: (level: Level) => number): Markup[] {
  const points = levels.map((level): [number, number] => [x(level.load), y(level)])
  return [
    element('path', { class: 'series', d: lineShape().digits(1)(points) ?? '' }),
    ...levels.map((level) =>
      element('circle', {
        class: level.outcome === 'broke' ? 'dot over' : 'dot',
        cx: x(level.load),
        cy: y(level),
        r: 4,
      }),
    ),
  ]
}
