import { scaleLinear, scaleLog } from 'd3-scale'
import { amount } from '../../../baselines/index.ts'
import type { VerdictRow } from '../../../baselines/index.ts'
import type { Comparison } from '../../input.ts'
import { formatLimits, formatRatio } from '../../wording/index.ts'
import { element, raw } from '../markup.ts'
import type { Markup } from '../markup.ts'
import { axisNumber, chart, latencyDomain, logAxis, tip } from './frame.ts'
import type { Caption, Margin, Size } from './frame.ts'

/** Ratios of candidate to baseline that an effect is drawn on: the same for all rows of a page. */
export interface EffectScale {
  least: number
  most: number
}

/** Beyond this an interval only says that it is wide. */
const widest = 64

/** The smallest scale that has "no change" and all limits, at most `widest` times to each side. */
export function effectScale(rows: readonly VerdictRow[]): EffectScale {
  const ends = rows
    .flatMap(({ ratio = 1, ci = [ratio, ratio], margin = 0 }) => [ratio, ...ci, 1 + margin, 1 - margin])
    .filter((end) => Number.isFinite(end) && end > 0)
    .map((end) => Math.min(widest, Math.max(1 / widest, end)))
  const most = Math.max(1.1, ...ends)
  const least = Math.min(1 / 1.1, ...ends)
  return { least: least / 1.03, most: most * 1.03 }
}

const width = 300
const height = 18

/**
 * One row of a forest plot: the interval, the effect on it, the line of no change and the margin. The text
 * next to it has the same figures, so it is hidden from screen readers.
 */
export function effectBar(row: VerdictRow, { least, most }: EffectScale): Markup {
  const { ratio = 1, ci, margin, metric } = row
  const x = scaleLog([least, most], [0, width]).clamp(true)
  const at = (value: number): number => x(Math.max(value, least))
  const [low, high] = ci ?? [ratio, ratio]
  const limits = formatLimits(ci)
  const label = `${formatRatio(ratio)}${limits === '' ? '' : `, 95 % limits ${limits}`}`
  const lowerIsWorse = metric === 'throughputRps'
  const marginAt = margin === undefined ? undefined : at(lowerIsWorse ? 1 - margin : 1 + margin)
  return element(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    [
      tip(label),
      element('rect', { class: 'track', width, height }),
      element('rect', { class: 'zero', x: at(1) - 0.75, width: 1.5, height }),
      ...(marginAt === undefined
        ? []
        : [element('rect', { class: 'margin', x: marginAt - 0.75, width: 1.5, height })]),
      element('rect', {
        class: 'use',
        x: at(low),
        y: 7.5,
        width: Math.max(at(high) - at(low), 2),
        height: 3,
      }),
      element('rect', { class: 'use', x: at(ratio) - 2.5, y: 3, width: 5, height: 12 }),
    ],
  )
}

const margin: Margin = { top: 34, right: 24, bottom: 42, left: 60 }
const mostPairs = 400

/** The p95 of both sides, pair by pair in the order of measurement: an outlier or a drift shows here. */
export function pairsChart(caption: Caption, pairs: Comparison['byPair'], size: Size): Markup {
  const shown = pairs.slice(0, mostPairs)
  const bottom = size.height - margin.bottom
  const right = size.width - margin.right
  const values = shown.flatMap(({ baselineMs, candidateMs }) =>
    [baselineMs, candidateMs].filter((ms) => ms !== undefined),
  )
  const vertical = logAxis(latencyDomain(values), bottom, margin.top, 7)
  const x = scaleLinear([1, Math.max(2, shown.length)], [margin.left + 10, right - 10])
  const xTicks = x
    .ticks(Math.min(10, Math.max(1, shown.length - 1)))
    .filter((value) => Number.isInteger(value) && value <= shown.length)
    .map((value) => ({ at: x(value), label: axisNumber(value) }))
  const plot = {
    size,
    margin,
    xTitle: 'Pair, in the order of measurement',
    yTitle: 'p95 (ms, log scale)',
    xTicks,
    yTicks: vertical.ticks,
  }
  return chart(
    caption,
    plot,
    shown.flatMap(({ baselineMs, candidateMs }, index): Markup[] => {
      const at = x(index + 1)
      const dot = (ms: number | undefined, kind: string, side: string): Markup =>
        ms === undefined
          ? raw('')
          : element(
              'circle',
              { class: kind, cx: at, cy: vertical.at(ms), r: 3.5 },
              tip(`pair ${index + 1}, ${side}: p95 ${amount('ms', ms)}`),
            )
      const join =
        baselineMs === undefined || candidateMs === undefined
          ? raw('')
          : element('line', {
              class: 'pair',
              x1: at,
              x2: at,
              y1: vertical.at(baselineMs),
              y2: vertical.at(candidateMs),
            })
      return [join, dot(baselineMs, 'dot base', 'baseline'), dot(candidateMs, 'dot', 'candidate')]
    }),
  )
}
