import type { CapacityResult } from '../../load/capacity/index.ts'
import { responsive } from '../html/charts/frame.ts'
import { html, raw, text } from '../html/markup.ts'
import { page } from '../html/page.ts'
import { count, plain, plainUrl } from '../wording/index.ts'
import { latencyChart, throughputChart } from './charts.ts'
import {
  breakReason,
  forecastSentence,
  kneeSentence,
  load,
  saturationSentence,
  settingsSentence,
} from './sentences.ts'

/** The curve as one HTML file that needs nothing else. */
export function capacityPage(result: CapacityResult, budgetP95Ms: number | undefined): string {
  const { suite, target, startedAt, levels, settings, forecasts } = result
  const reason = breakReason(result)
  return page(`capacity of ${plain(suite, 64)} - vigil`, [
    html`<header class="top"><span><b>vigil</b> capacity of ${text(plain(suite, 64))}</span><span>${text(plainUrl(target))}, ${text(startedAt.slice(0, 16).replace('T', ' '))}Z</span></header>
<main>
<section class="verdict tone-none"><h1>${text(capital(kneeSentence(result)))}</h1>${reason === undefined ? raw('') : html`<p>It broke: ${text(plain(reason, 300))}</p>`}<p>${text(capital(saturationSentence(result)))}</p></section>
${
  levels.some(({ outcome }) => outcome !== 'unmeasured')
    ? html`<section><h2>Curves</h2><p class="small quiet">Dashed upright lines: the load that keeps every budget, and the one that breaks one. Red dots: a budget was broken there.</p>
<figure>${responsive('throughput', 300, (size, id) => throughputChart(result, size, id))}</figure>
<figure>${responsive('latency', 300, (size, id) => latencyChart(result, size, id, budgetP95Ms))}</figure></section>`
    : raw('')
}
<section><h2>Loads</h2><div class="scroll"><table><thead><tr><th>${text(result.loadUnit)}</th><th class="n">requests/s</th><th class="n">p50 ms</th><th class="n">p95 ms</th><th class="n">p99 ms</th><th class="n">errors</th><th class="n">tries</th><th>budgets</th></tr></thead>
<tbody>${levels.map((level) => html`<tr><th>${text(load(level.load))}</th><td class="n">${text(count(Math.round(level.throughputRps)))}</td><td class="n">${text(level.p50Ms.toPrecision(3))}</td><td class="n">${text(level.p95Ms.toPrecision(3))}</td><td class="n">${text(level.p99Ms.toPrecision(3))}</td><td class="n">${text(`${Number((level.errorRate * 100).toPrecision(2))} %`)}</td><td class="n">${level.samples.length}</td><td>${text(level.outcome)}</td></tr>`)}</tbody></table></div></section>
${
  settings === undefined
    ? raw('')
    : html`<section><h2>${text(plain(settings.variable, 64))}</h2><p>${text(settingsSentence(settings))}</p><div class="scroll"><table><thead><tr><th>value</th><th class="n">requests/s</th><th class="n">range</th><th class="n">p95 ms</th></tr></thead>
<tbody>${settings.results.map(({ value, throughputRps, throughputRange: [low, high], p95Ms }) => html`<tr><th>${text(plain(value, 64))}</th><td class="n">${text(count(Math.round(throughputRps)))}</td><td class="n">${text(`${count(Math.round(low))}–${count(Math.round(high))}`)}</td><td class="n">${text(p95Ms.toPrecision(3))}</td></tr>`)}</tbody></table></div></section>`
}
${forecasts.length === 0 ? raw('') : html`<section><h2>Forecasts</h2><ul class="plain">${forecasts.map((one) => html`<li>${text(forecastSentence(one))}</li>`)}</ul></section>`}
</main>`,
  ])
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}
