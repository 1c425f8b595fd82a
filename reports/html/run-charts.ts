import { amount } from '../../baselines/index.ts'
import type { Budgets } from '../../baselines/index.ts'
import type { BandPoint } from '../../baselines/accepted/index.ts'
import { countOf, mergeHistograms, quantile } from '../../record/index.ts'
import type { Histogram, Run } from '../../record/index.ts'
import type { RunReport } from '../input.ts'
import {
  formatNumber,
  formatCount,
  cleanText,
  findFirstFailureMs,
  formatSeconds,
  formatRate,
} from '../wording/index.ts'
import { responsive, latencyDomain } from './charts/frame.ts'
import type { LatencyDomain } from './charts/frame.ts'
import { percentileChart } from './charts/percentiles.ts'
import type { PercentileBudget } from './charts/percentiles.ts'
import { html, text } from './markup.ts'
import type { Markup } from './markup.ts'
import {
  budgetFits,
  errorsChart,
  highest,
  highestOf,
  latencyChart,
  latencyTop,
  percentiles,
  throughputChart,
  stretchesOf,
} from './charts/over-time.ts'
import type { Timeline } from './charts/over-time.ts'

const shares = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999]

/** Latency of the overall run by percentile: the curve with its budgets, and the figures. */
export function latencyFigure({ run, budgets, baseline }: RunReport, id: string): Markup {
  const histogram = mergeHistograms(Object.values(run.endpoints).map((endpoint) => endpoint.histogram))
  const n = countOf(histogram)
  if (n === 0) return html`<p class="quiet">No request was answered, so there is no latency.</p>`
  const lines = percentileBudgets(budgets)
  const { band = [], runs = [] } = baseline ?? {}
  const accepted = formatCount(runs.length)
  const domain = domainOf([histogram], lines, band)
  const title = `Latency of ${cleanText(run.suite, 80)} by percentile`
  const description = describe(histogram, lines) + describeBand(band, accepted)
  return html`<figure>
<figcaption><span class="small">All steps, ${text(formatCount(n))} ${text(
    n === 1 ? 'answer' : 'answers',
  )}, on logarithmic axes.${
    lines.length > 0 &&
    html` A <span class="key budget-key">budget</span> (${text(
      lines.map(({ label, limitMs }) => `${label} < ${amount('ms', limitMs)}`).join(', '),
    )}) ends at its percentile.
Where the <span class="key series-key">curve</span> crosses it, the budget failed.`
  }${
    band.length > 0 &&
    html` The <span class="key band-key">band</span> is where ${text(accepted)} accepted runs were.`
  }</span></figcaption>
${responsive(`${id}-percentiles`, 330, (size, chartId) =>
  percentileChart(
    { id: chartId, title, description },
    { histogram, budgets: lines, domain, samples: n, size, band },
  ),
)}
${figures(run, histogram)}
</figure>`
}

/** The limits that a chart of percentiles can show; the mean is not a percentile. */
export function percentileBudgets({ p95Ms, p99Ms }: Budgets): PercentileBudget[] {
  return [
    ...(p95Ms === undefined ? [] : [{ label: 'p95', q: 0.95, limitMs: p95Ms }]),
    ...(p99Ms === undefined ? [] : [{ label: 'p99', q: 0.99, limitMs: p99Ms }]),
  ]
}

/** A domain that contains all curves and their budgets. */
export function domainOf(
  histograms: readonly Histogram[],
  lines: readonly PercentileBudget[],
  band: readonly BandPoint[] = [],
): LatencyDomain {
  const ends = histograms.flatMap((histogram) =>
    countOf(histogram) === 0 ? [] : [quantile(histogram, 0.25), quantile(histogram, 1)],
  )
  const edges = band.filter(({ q }) => q >= 0.25).flatMap(({ lowestMs, highestMs }) => [lowestMs, highestMs])
  return latencyDomain([...ends, ...edges, ...lines.map(({ limitMs }) => limitMs)])
}

/** A curve in one sentence, as its text alternative. */
export function describe(histogram: Histogram, lines: readonly PercentileBudget[]): string {
  const at = (q: number): string => amount('ms', quantile(histogram, q))
  const limits = lines.map(({ label, limitMs }) => `${label} under ${amount('ms', limitMs)}`)
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, slowest ${at(1)}. ${
    limits.length === 0 ? 'No percentile budget.' : `Budget: ${limits.join(', ')}.`
  }`
}

/** The band at the percentiles that a reader asks for. */
function describeBand(band: readonly BandPoint[], accepted: string): string {
  const at = [0.5, 0.95].flatMap((share) => {
    const point = band.find(({ q }) => q >= share)
    const label = `p${share * 100}`
    return point ? [`${label} ${amount('ms', point.lowestMs)} to ${amount('ms', point.highestMs)}`] : []
  })
  return at.length === 0 ? '' : ` ${accepted} accepted runs: ${at.join(', ')}.`
}

/** The percentiles with at least one sample beyond them; further ones equal the maximum. */
function figures(run: Run, histogram: Histogram): Markup {
  const n = countOf(histogram)
  const reached = shares.filter((q) => n * (1 - q) >= 1 - 1e-9)
  const cells: [string, number][] = [
    ['mean', run.totals.latency.meanMs],
    ...reached.map((q): [string, number] => [`p${Number((q * 100).toPrecision(7))}`, quantile(histogram, q)]),
    ['max', quantile(histogram, 1)],
  ]
  return html`<dl class="figures">${cells.map(
    ([term, value]) =>
      html`<div><dt>${text(term)}</dt><dd>${text(
        formatNumber('ms', value),
      )} <span class="unit">ms</span></dd></div>`,
  )}</dl>`
}

/** Errors below this share of the requests get a chart of their own. */
const fewErrors = 0.2

/** The run second by second: requests and errors, then p95, each with the time of the first failure. */
export function overTime(report: RunReport, id: string): Markup {
  const { run } = report
  const timeline = stretchesOf(run.timeline ?? [])
  if (timeline.stretches.length === 0) return html`<p class="quiet">This record has no timeline.</p>`
  if (highest(timeline, 'requests') === 0) return html`<p class="quiet">No request was sent.</p>`
  const firstMs = findFirstFailureMs(run) ?? run.timeline?.find(({ errors }) => errors > 0)?.atMs
  const few =
    highest(timeline, 'errors') > 0 && highest(timeline, 'errors') < highest(timeline, 'requests') * fewErrors
  return html`${throughputFigure(report, timeline, firstMs, id)}${
    few && errorsFigure(report, timeline, firstMs, id)
  }${latencyTop(timeline) > 0 && latencyOverTime(report, timeline, firstMs, id)}`
}

function throughputFigure(
  { run }: RunReport,
  timeline: Timeline,
  firstMs: number | undefined,
  id: string,
): Markup {
  const title = `Requests and errors per second of ${cleanText(run.suite, 80)}`
  const began =
    firstMs === undefined ? 'No request failed.' : `The first failure was at ${formatSeconds(firstMs)}.`
  const most = formatRate(highest(timeline, 'requests'))
  const totals = `${formatCount(run.totals.errors)} errors in ${formatCount(run.totals.requests)} requests.`
  const description = `At most ${most} requests per second. ${began} ${totals}`
  const errors = run.totals.errors > 0
  return html`<figure>
<figcaption><h4>Throughput${
    errors && html` and errors`
  }</h4><span class="small"><span class="key series-key">requests</span>${
    errors && html` <span class="key error-key">errors among them</span>`
  } per second${text(averaged(timeline))}. ${text(began)}</span></figcaption>
${responsive(`${id}-rate`, 250, (size, chartId) =>
  throughputChart({ id: chartId, title, description }, { timeline, firstFailureMs: firstMs, size }),
)}
</figure>`
}

function errorsFigure(
  { run }: RunReport,
  timeline: Timeline,
  firstMs: number | undefined,
  id: string,
): Markup {
  const most = formatRate(highest(timeline, 'errors'))
  const title = `Errors per second of ${cleanText(run.suite, 80)}`
  return html`<figure>
<figcaption><h4>Errors</h4><span class="small"><span class="key error-key">errors</span> per second on a
separate axis, at most ${text(most)}.</span></figcaption>
${responsive(`${id}-errors`, 190, (size, chartId) =>
  errorsChart(
    { id: chartId, title, description: `At most ${most} errors per second.` },
    { timeline, firstFailureMs: firstMs, size },
  ),
)}
</figure>`
}

function latencyOverTime(
  { run, budgets }: RunReport,
  timeline: Timeline,
  firstMs: number | undefined,
  id: string,
): Markup {
  const limitMs = budgets.p95Ms
  const top = latencyTop(timeline)
  const title = `Latency of ${cleanText(run.suite, 80)} over time`
  const budget =
    limitMs === undefined
      ? ''
      : ` The p95 budget of ${amount('ms', limitMs)}, for the overall run,${
          budgetFits(limitMs, highestOf(timeline, 'p95Ms')) ? ' is the dashed line.' : ' is above the chart.'
        }`
  const known = percentiles.flatMap((name) => {
    const most = highestOf(timeline, name)
    const label = name.slice(0, -2)
    return most === 0 ? [] : [{ label, most: `at most ${amount('ms', most)}`, isCut: most > top }]
  })
  const cut = known.some(({ isCut }) => isCut) ? ' Part of p99 is above the chart.' : ''
  return html`<figure>
<figcaption><h4>Latency</h4><span class="small">${known.map(
    ({ label, most }) => html`<span class="key ${text(label)}-key">${text(`${label} ${most}`)}</span> `,
  )}of each ${text(
    timeline.seconds === 1 ? 'second' : `${formatCount(timeline.seconds)} s, the highest of their seconds`,
  )}.${text(cut + budget)}</span></figcaption>
${responsive(`${id}-p95`, 250, (size, chartId) =>
  latencyChart(
    {
      id: chartId,
      title,
      description: `${known.map(({ label, most }) => `${label} ${most}`).join(', ')}.${cut}${budget}`,
    },
    { timeline, firstFailureMs: firstMs, size, limitMs },
  ),
)}
</figure>`
}

function averaged({ seconds }: Timeline): string {
  return seconds === 1 ? '' : `, averaged over ${formatCount(seconds)} s`
}
