import type { CapacityResult, Level } from '../../load/capacity/index.ts'
import { responsive, chart, line, axisNumber, latencyDomain, logAxis } from '../html/charts/frame.ts'
import { html, raw, text, element, page } from '../html/markup.ts'
import { capitalize, cleanText, formatCount, toPublicUrl } from '../wording/index.ts'
import {
  breakReason,
  forecastSentence,
  kneeSentence,
  formatLoad,
  formatMs,
  outcomes,
  saturationSentence,
  settingsSentence,
} from './text.ts'
import { scaleLinear } from 'd3-scale'
import { line as lineShape } from 'd3-shape'
import type { Margin, Size } from '../html/charts/frame.ts'
import type { Markup } from '../html/markup.ts'

/** The curves as one self-contained HTML file. */
export function capacityPage(result: CapacityResult, budgetP95Ms: number | undefined): string {
  const { suite, target, startedAt } = result
  const title = `capacity of ${cleanText(suite, 64)}`
  const started = `${startedAt.slice(0, 16).replace('T', ' ')}Z`
  return page(`${title} - vigil`, [
    html`<header class="top"><span><b>vigil</b> ${text(title)}</span>`,
    html`<span>${text(toPublicUrl(target))}, ${text(started)}</span></header>
<main>
${renderKnee(result)}
${renderCurves(result, budgetP95Ms)}
${renderLevels(result)}
${renderSettings(result)}
${renderForecasts(result)}
</main>`,
  ])
}

function renderKnee(result: CapacityResult): Markup {
  const reason = breakReason(result)
  const cause = reason === undefined ? raw('') : html`<p>Broken budget: ${text(cleanText(reason, 300))}</p>`
  return html`<section class="verdict tone-none"><h1>${text(capitalize(kneeSentence(result)))}</h1>
${cause}<p>${text(capitalize(saturationSentence(result)))}</p></section>`
}

function renderCurves(result: CapacityResult, budgetP95Ms: number | undefined): Markup {
  if (measured(result).length === 0) return raw('')
  const legend =
    'Dashed vertical lines: the highest load that keeps every budget, and the lowest that breaks one. ' +
    'Red dots: a load that breaks a budget.'
  return html`<section><h2>Curves</h2><p class="small quiet">${text(legend)}</p>
<figure>${responsive('throughput', 300, (size, id) => throughputChart(result, size, id))}</figure>
<figure>${responsive('latency', 300, (size, id) => latencyChart(result, size, id, budgetP95Ms))}</figure>
</section>`
}

function renderLevels({ loadUnit, levels }: CapacityResult): Markup {
  const rows = levels.map((level) => [
    formatCount(Math.round(level.throughputRps)),
    formatMs(level.p50Ms),
    formatMs(level.p95Ms),
    formatMs(level.p99Ms),
    `${Number((level.errorRate * 100).toPrecision(2))} %`,
    String(level.samples.length),
  ])
  return html`<section><h2>Loads</h2><div class="scroll"><table><thead><tr><th>${text(loadUnit)}</th>${[
    'requests/s',
    'p50 ms',
    'p95 ms',
    'p99 ms',
    'errors',
    'samples',
  ].map(numericHeading)}<th>budgets</th></tr></thead>
<tbody>${levels.map(
    (level, index) =>
      html`<tr><th>${text(formatLoad(level.load))}</th>${(rows[index] ?? []).map(numericCell)}<td>${text(
        outcomes[level.outcome],
      )}</td></tr>`,
  )}</tbody></table></div></section>`
}

function renderSettings({ settings }: CapacityResult): Markup {
  if (settings === undefined) return raw('')
  const rows = settings.results.map(({ value, throughputRps, throughputRange: [low, high], p95Ms }) => {
    const cells = [
      formatCount(Math.round(throughputRps)),
      `${formatCount(Math.round(low))}–${formatCount(Math.round(high))}`,
      formatMs(p95Ms),
    ]
    return html`<tr><th>${text(cleanText(value, 64))}</th>${cells.map(numericCell)}</tr>`
  })
  return html`<section><h2>${text(cleanText(settings.variable, 64))}</h2>
<p>${text(settingsSentence(settings))}</p>
<div class="scroll"><table><thead><tr><th>value</th>${['requests/s', 'range', 'p95 ms'].map(
    numericHeading,
  )}</tr></thead>
<tbody>${rows}</tbody></table></div></section>`
}

function renderForecasts({ forecasts }: CapacityResult): Markup {
  if (forecasts.length === 0) return raw('')
  const items = forecasts.map((one) => html`<li>${text(forecastSentence(one))}</li>`)
  return html`<section><h2>Forecasts</h2><ul class="plain">${items}</ul></section>`
}

function numericHeading(label: string): Markup {
  return html`<th class="n">${text(label)}</th>`
}

function numericCell(value: string): Markup {
  return html`<td class="n">${text(value)}</td>`
}

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

/** p95 against load on a logarithmic axis, with its budget. */
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

/**
 * The highest load that keeps every budget and the lowest that breaks one: the knee is between the two
 * lines.
 */
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
