import { amount } from '../../baselines/index.ts'
import type { RunReport } from '../input.ts'
import { bare, count, firstFailureMs, moment, plain, rate } from '../wording/index.ts'
import { responsive } from './charts/frame.ts'
import {
  budgetFits,
  errorsChart,
  highest,
  highestP95,
  p95Chart,
  throughputChart,
} from './charts/over-time.ts'
import { stretchesOf } from './charts/timeline.ts'
import type { Timeline } from './charts/timeline.ts'
import { html, text } from './markup.ts'
import type { Markup } from './markup.ts'

/** Errors fewer than this share of the requests get a picture of their own. */
const fewErrors = 0.2

/** How the run went second by second: requests and errors, then p95; both with the moment the failures began. */
export function overTime(report: RunReport, id: string): Markup {
  const { run } = report
  const timeline = stretchesOf(run.timeline ?? [])
  if (timeline.stretches.length === 0) return html`<p class="quiet">This record has no timeline.</p>`
  if (highest(timeline, 'requests') === 0)
    return html`<p class="quiet">No request was made in any second.</p>`
  const firstMs = firstFailureMs(run) ?? run.timeline?.find(({ errors }) => errors > 0)?.atMs
  const few =
    highest(timeline, 'errors') > 0 && highest(timeline, 'errors') < highest(timeline, 'requests') * fewErrors
  return html`${throughputFigure(report, timeline, firstMs, id)}${few && errorsFigure(report, timeline, firstMs, id)}${highestP95(timeline) > 0 && p95Figure(report, timeline, firstMs, id)}`
}

function throughputFigure(
  { run }: RunReport,
  timeline: Timeline,
  firstMs: number | undefined,
  id: string,
): Markup {
  const title = `Requests and errors per second of ${plain(run.suite, 80)}`
  const began = firstMs === undefined ? 'No request failed.' : `The first failure came at ${moment(firstMs)}.`
  const description = `At most ${rate(highest(timeline, 'requests'))} requests per second. ${began} ${count(run.totals.errors)} errors in ${count(run.totals.requests)} requests.`
  const errors = run.totals.errors > 0
  return html`<figure>
<figcaption><h4>Throughput${errors && html` and errors`}</h4><span class="small"><span class="key series-key">requests</span>${errors && html` <span class="key error-key">of them errors</span>`} per second${text(averaged(timeline))}. ${text(began)}</span></figcaption>
${responsive(`${id}-rate`, 250, (size, chartId) => throughputChart({ id: chartId, title, description }, { timeline, firstFailureMs: firstMs, size }))}
</figure>`
}

function errorsFigure(
  { run }: RunReport,
  timeline: Timeline,
  firstMs: number | undefined,
  id: string,
): Markup {
  const most = rate(highest(timeline, 'errors'))
  const title = `Errors per second of ${plain(run.suite, 80)}`
  return html`<figure>
<figcaption><h4>Errors</h4><span class="small"><span class="key error-key">errors</span> per second on an axis of their own, at most ${text(most)}.</span></figcaption>
${responsive(`${id}-errors`, 190, (size, chartId) => errorsChart({ id: chartId, title, description: `At most ${most} errors per second.` }, { timeline, firstFailureMs: firstMs, size }))}
</figure>`
}

function p95Figure(
  { run, budgets }: RunReport,
  timeline: Timeline,
  firstMs: number | undefined,
  id: string,
): Markup {
  const limitMs = budgets.p95Ms
  const worst = highestP95(timeline)
  const title = `p95 latency of ${plain(run.suite, 80)} over time`
  const far = limitMs !== undefined && !budgetFits(limitMs, worst)
  const budget =
    limitMs === undefined
      ? ''
      : ` Its budget of ${amount('ms', limitMs)}, for the run as a whole,${far ? ' lies above the picture.' : ' is the dashed line.'}`
  return html`<figure>
<figcaption><h4>Latency</h4><span class="small">p95 of each ${text(timeline.seconds === 1 ? 'second' : `${count(timeline.seconds)} s, the highest of their seconds`)}, at most ${text(bare('ms', worst))} ms.${text(budget)}</span></figcaption>
${responsive(`${id}-p95`, 250, (size, chartId) => p95Chart({ id: chartId, title, description: `At most ${amount('ms', worst)}.${budget}` }, { timeline, firstFailureMs: firstMs, size, limitMs }))}
</figure>`
}

function averaged({ seconds }: Timeline): string {
  return seconds === 1 ? '' : `, averaged over ${count(seconds)} s`
}
