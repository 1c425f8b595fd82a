import type { CapacityResult, Level } from '../../load/capacity/index.ts'
import { responsive, chart, line, axisNumber, latencyDomain, logAxis } from '../html/charts/frame.ts'
import { html, raw, text, element, page } from '../html/markup.ts'
import { formatCount, cleanText, toPublicUrl } from '../wording/index.ts'
import {
  breakReason,
  forecastSentence,
  kneeSentence,
  formatLoad,
  saturationSentence,
  settingsSentence,
} from './text.ts'
import { scaleLinear } from 'd3-scale'
import { line as lineShape } from 'd3-shape'
import type { Margin, Size } from '../html/charts/frame.ts'
import type { Markup } from '../html/markup.ts'

/** The curve as one HTML file that needs nothing else. */
export function capacityPage(result: CapacityResult, budgetP95Ms: number | undefined): string {
  const { suite, target, startedAt, levels, settings, forecasts } = result
  const reason = breakReason(result)
  return page(`capacity of ${cleanText(suite, 64)} - vigil`, [
    html`<header class="top"><span><b>vigil</b> capacity of ${text(cleanText(suite, 64))}</span><span>${text(toPublicUrl(target))}, ${text(startedAt.slice(0, 16).replace('T', ' '))}Z</span></header>
<main>
<section class="verdict tone-none"><h1>${text(capital(kneeSentence(result)))}</h1>${reason === undefined ? raw('') : html`<p>It broke: ${text(cleanText(reason, 300))}</p>`}<p>${text(capital(saturationSentence(result)))}</p></section>
${
  levels.some(({ outcome }) => outcome !== 'unmeasured')
    ? html`<section><h2>Curves</h2><p class="small quiet">Dashed upright lines: the load that keeps every budget, and the one that breaks one. Red dots: a budget was broken there.</p>
<figure>${responsive('throughput', 300, (size, id) => throughputChart(result, size, id))}</figure>
<figure>${responsive('latency', 300, (size, id) => latencyChart(result, size, id, budgetP95Ms))}</figure></section>`
    : raw('')
}
<section><h2>Loads</h2><div class="scroll"><table><thead><tr><th>${text(result.loadUnit)}</th><th class="n">requests/s</th><th class="n">p50 ms</th><th class="n">p95 ms</th><th class="n">p99 ms</th><th class="n">errors</th><th class="n">tries</th><th>budgets</th></tr></thead>
<tbody>${levels.map((level) => html`<tr><th>${text(formatLoad(level.load))}</th><td class="n">${text(formatCount(Math.round(level.throughputRps)))}</td><td class="n">${text(level.p50Ms.toPrecision(3))}</td><td class="n">${text(level.p95Ms.toPrecision(3))}</td><td class="n">${text(level.p99Ms.toPrecision(3))}</td><td class="n">${text(`${Number((level.errorRate * 100).toPrecision(2))} %`)}</td><td class="n">${level.samples.length}</td><td>${text(level.outcome)}</td></tr>`)}</tbody></table></div></section>
${
  settings === undefined
    ? raw('')
    : html`<section><h2>${text(cleanText(settings.variable, 64))}</h2><p>${text(settingsSentence(settings))}</p><div class="scroll"><table><thead><tr><th>value</th><th class="n">requests/s</th><th class="n">range</th><th class="n">p95 ms</th></tr></thead>
<tbody>${settings.results.map(({ value, throughputRps, throughputRange: [low, high], p95Ms }) => html`<tr><th>${text(cleanText(value, 64))}</th><td class="n">${text(formatCount(Math.round(throughputRps)))}</td><td class="n">${text(`${formatCount(Math.round(low))}–${formatCount(Math.round(high))}`)}</td><td class="n">${text(p95Ms.toPrecision(3))}</td></tr>`)}</tbody></table></div></section>`
}
${forecasts.length === 0 ? raw('') : html`<section><h2>Forecasts</h2><ul class="plain">${forecasts.map((one) => html`<li>${text(forecastSentence(one))}</li>`)}</ul></section>`}
</main>`,
  ])
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
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
