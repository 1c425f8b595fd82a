import type { VerdictRow } from '../../baselines/index.ts'
import { amount } from '../../baselines/index.ts'
import { listEvidence } from '../../baselines/why/index.ts'
import { countOf, mergeHistograms } from '../../record/index.ts'
import type { Histogram, Run } from '../../record/index.ts'
import type { Comparison, ReportInput } from '../input.ts'
import {
  adviseNextSteps,
  capitalize,
  cleanText,
  figureHeadings,
  formatCount,
  formatLevel,
  formatLimits,
  formatLocation,
  formatMetric,
  formatPlace,
  formatRatio,
  formatSeconds,
  listBrokenRows,
  listEffects,
  listServerFacts,
  listSkippedRows,
  notMeasured,
  overall,
  summarizeComparison,
  summarizeVerdict,
  toStepFigures,
  wholeRun,
} from '../wording/index.ts'
import { effectBar, effectScale, pairsChart } from './charts/comparison.ts'
import type { EffectScale } from './charts/comparison.ts'
import { responsive } from './charts/frame.ts'
import { percentileChart } from './charts/percentiles.ts'
import { html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'
import { cell, leftOut, name, rowHeading, stackable, tag, toneOf } from './parts.ts'
import type { Detail } from './parts.ts'
import { profilePart } from './profile.ts'
import { describe, domainOf } from './run-charts.ts'

/**
 * The parts of a page about two sides: what was found and how sure, why, each effect with its interval, both
 * sides' latency, and every pair.
 */
export function comparisonSections(input: ReportInput, comparison: Comparison, detail: Detail): Markup[] {
  const candidate = input.runs[0]?.run
  const sections = [
    verdictPart(input, comparison),
    whyPart(comparison),
    profilePart(comparison),
    effectsPart(input, detail),
    rowsPart(input, detail),
    percentilesPart(comparison, candidate),
    pairsPart(comparison),
    sidesPart(comparison, candidate, detail),
  ]
  return sections.filter((section) => section !== '')
}

function verdictPart(input: ReportInput, comparison: Comparison): Markup {
  const { verdict } = input
  const { sides, suite, pairs, loadSeconds, processPairs } = comparison
  const advice = adviseNextSteps(input).map((sentence) => html`<p>${text(sentence)}</p>`)
  const measured =
    `${formatCount(pairs)} ${pairs === 1 ? 'pair' : 'pairs'} ` +
    `in ${formatSeconds(loadSeconds * 1000)} of load, ` +
    'on ' +
    `${formatCount(processPairs)} newly started ${processPairs === 1 ? 'pair' : 'pairs'} of processes`
  return html`<section class="verdict tone-${raw(toneOf(verdict.verdict))}" aria-labelledby="verdict">
<h1 id="verdict"><strong>${text(verdict.verdict.toUpperCase())}</strong> <span>${text(
    capitalize(summarizeComparison(comparison, input)),
  )}</span></h1>
<p class="quiet">${name(cleanText(sides.baseline, 100))} → ${name(cleanText(sides.candidate, 100))}, ${text(
    `${cleanText(suite, 80)}: ${summarizeVerdict(verdict)}`,
  )}</p>
<dl class="why"><dt>Measured</dt><dd>${text(measured)}</dd>${
    comparison.control !== undefined &&
    html`<dt>Control</dt><dd>${text(cleanText(comparison.control, 600))}</dd>`
  }${
    advice.length > 0 && html`<dt>Next</dt><dd>${advice}</dd>`
  }<dt>Repeat</dt><dd>${name(cleanText(comparison.repeat, 2000))}</dd></dl>
</section>`
}

const maxExplanations = 8

function whyPart({ why }: Comparison): Markup {
  if (why.length === 0) return raw('')
  const parts = why.slice(0, maxExplanations).map(
    (one) =>
      html`<h3>${one.step === null ? text(wholeRun) : name(cleanText(one.step, 80))}</h3>
<p>${text(cleanText(one.effect))}</p><ul class="plain">${listEvidence(one).map(
        (sentence) => html`<li>${text(cleanText(sentence))}</li>`,
      )}</ul>`,
  )
  return html`<section id="why" aria-labelledby="why-h"><h2 id="why-h">Why</h2>${parts}${leftOut(
    why.length - parts.length,
    'place',
    'places',
    'verdict.json',
  )}</section>`
}

const effectHeadings = [
  { label: 'Status' },
  { label: 'Where' },
  { label: 'Metric' },
  { label: 'Baseline', numeric: true },
  { label: 'Candidate', numeric: true },
  { label: 'Change', numeric: true },
  { label: 'Limits of 95 %' },
]

/** A count that noise cannot move, and that is as it was. */
function isUnchanged({ rule, status, ratio }: VerdictRow): boolean {
  return rule === 'exact' && status === 'pass' && ratio === 1
}

/** A forest plot as a table, which a phone and a screen reader can show. */
function effectsPart({ verdict }: ReportInput, detail: Detail): Markup {
  const effects = listEffects(verdict.rows)
  if (effects.length === 0) return raw('')
  const known = effects.filter(({ status }) => status !== 'skipped')
  const judged = known.filter((row) => !isUnchanged(row)).slice(0, detail.rows)
  const unchanged = known.filter(isUnchanged).slice(0, detail.rows)
  const noisy = effects.filter(({ status }) => status === 'skipped').slice(0, detail.rows)
  const scale = effectScale([...judged, ...noisy])
  const margins = [...new Set(effects.flatMap(({ margin }) => (margin === undefined ? [] : [margin])))]
  const table = (caption: string, rows: readonly VerdictRow[]): Markup =>
    stackable(
      'effects',
      caption,
      effectHeadings,
      rows.map((row) => effectRow(row, scale)),
    )
  const fold = (summary: string, rows: readonly VerdictRow[]): Markup =>
    rows.length === 0
      ? raw('')
      : html`<details><summary>${text(summary)}</summary>${table(summary, rows)}</details>`
  return html`<section id="effects" aria-labelledby="effects-h"><h2 id="effects-h">Effects</h2>
<p class="small quiet">A bar is the interval of the change, from ${text(formatRatio(scale.least))} to ${text(
    formatRatio(scale.most),
  )}, on a logarithmic scale. The solid line is no change${
    margins.length > 0 &&
    html`, the amber line the margin (${text(margins.map((margin) => amount('ratio', margin)).join(', '))})`
  }. Each limit holds with 95 %. Grey: too noisy to judge.
Levels are those of a typical pair; Both sides below has the figures of all requests.</p>
${judged.length > 0 && table('Effects', judged)}${fold(
    `${formatCount(unchanged.length)} ${unchanged.length === 1 ? 'count is' : 'counts are'} the same`,
    unchanged,
  )}${fold(`${formatCount(noisy.length)} too noisy to judge`, noisy)}${leftOut(
    effects.length - judged.length - unchanged.length - noisy.length,
    'effect',
    'effects',
    'verdict.json',
  )}</section>`
}

function effectRow(row: VerdictRow, scale: EffectScale): Markup {
  const { step, status, ratio = Number.NaN, ci, baseline, candidate } = row
  const figure = (value: number | undefined): string => formatLevel(row, value)
  const known = status === 'skipped' || status === 'inconclusive' ? 'none' : toneOf(status)
  const limits = formatLimits(ci)
  const cells = [
    cell(tag(status)),
    rowHeading(step === null ? html`<span class="whole">${text(wholeRun)}</span>` : name(formatPlace(row))),
    cell(text(formatMetric(row))),
    cell(html`<span class="narrow-label">from </span>${text(figure(baseline))}`, 'n'),
    cell(html`<span class="narrow-label">to </span>${text(figure(candidate))}`, 'n'),
    cell(text(formatRatio(ratio)), status === 'fail' ? 'n bad' : 'n'),
    cell(
      html`${effectBar(row, scale)}<span class="pct">${text(limits === '' ? notMeasured : limits)}</span>`,
      `bar effect full tone-${known}`,
    ),
  ]
  return html`<tr role="row">${cells}</tr>`
}

/** Every row that is not a pass, in words; what was skipped is folded. */
function rowsPart({ verdict }: ReportInput, detail: Detail): Markup {
  const improved = verdict.rows.filter(({ status }) => status === 'improved')
  const open = [...listBrokenRows(verdict), ...improved].slice(0, detail.rows)
  const skipped = listSkippedRows(verdict).slice(0, Math.max(0, detail.rows - open.length))
  const all = verdict.rows.filter(({ status }) => status !== 'pass').length
  if (all === 0) return raw('')
  return html`<section aria-labelledby="rows"><h2 id="rows">Checks in words</h2>${
    open.length > 0 && html`<ul class="rows">${open.map(rowItem)}</ul>`
  }${
    skipped.length > 0 &&
    html`<details><summary>${text(
      `${formatCount(skipped.length)} skipped`,
    )}</summary><ul class="rows">${skipped.map(rowItem)}</ul></details>`
  }${leftOut(all - open.length - skipped.length, 'row', 'rows', 'verdict.json')}</section>`
}

function rowItem(row: VerdictRow): Markup {
  const where = formatLocation(row)
  const place = where === '' ? text(wholeRun) : name(where)
  const what = html`<span class="what">${text(cleanText(row.message))}</span>`
  return html`<li>${tag(row.status)}${what}<span class="where">${place}</span></li>`
}

function pool(run: Run | undefined): Histogram {
  return mergeHistograms(Object.values(run?.endpoints ?? {}).map(({ histogram }) => histogram))
}

function percentilesPart({ baseline }: Comparison, candidate: Run | undefined): Markup {
  const [before, after] = [pool(baseline), pool(candidate)]
  if (countOf(before) === 0 || countOf(after) === 0) return raw('')
  const domain = domainOf([before, after], [])
  const samples = Math.max(countOf(before), countOf(after))
  const title = 'Latency of both sides by percentile'
  const description = `Candidate: ${describe(after, [])} Baseline: ${describe(before, [])}`
  return html`<section id="percentiles" aria-labelledby="percentiles-h"><h2 id="percentiles-h">Latency by
percentile</h2><figure><figcaption><span class="small">All steps, on logarithmic axes:
<span class="key base-key">baseline</span> and <span class="key series-key">candidate</span>. ${text(
    description.replaceAll(' No percentile budget.', ''),
  )}</span></figcaption>
${responsive('percentiles-chart', 330, (size, id) =>
  percentileChart(
    { id, title, description },
    { histogram: after, baseline: before, budgets: [], domain, samples, size },
  ),
)}</figure></section>`
}

function pairsPart({ byPair }: Comparison): Markup {
  const answered = byPair.filter(
    ({ baselineMs, candidateMs }) => baselineMs !== undefined || candidateMs !== undefined,
  )
  if (answered.length === 0) return raw('')
  const slower = byPair.filter(
    ({ baselineMs, candidateMs }) =>
      baselineMs !== undefined && candidateMs !== undefined && candidateMs > baselineMs,
  ).length
  const words = `The candidate was slower in ${formatCount(slower)} of ${formatCount(byPair.length)} pairs.`
  return html`<section id="pairs" aria-labelledby="pairs-h"><h2 id="pairs-h">Pairs</h2>
<figure><figcaption><span class="small">p95 of each unit,
<span class="key base-key">baseline</span> and
<span class="key series-key">candidate</span> at the same time. ${text(words)}</span></figcaption>
${responsive('pairs-chart', 260, (size, id) =>
  pairsChart({ id, title: 'p95 pair by pair', description: words }, byPair, size),
)}</figure></section>`
}

const sideHeadings = [
  { label: 'Figure' },
  { label: 'Baseline', numeric: true },
  { label: 'Candidate', numeric: true },
]

function stepP95s(run: Run): Map<string, string> {
  const at = figureHeadings.indexOf('p95 ms')
  return new Map(toStepFigures(run).map(({ step, figures }) => [step ?? overall, figures[at] ?? notMeasured]))
}

function totalFigures(run: Run): string[] {
  return toStepFigures(run).find(({ step }) => step === null)?.figures ?? []
}

function sidesPart({ baseline }: Comparison, candidate: Run | undefined, detail: Detail): Markup {
  if (baseline === undefined || candidate === undefined) return raw('')
  const [before, after] = [new Map(listServerFacts(baseline)), new Map(listServerFacts(candidate))]
  const [p95Before, p95After] = [stepP95s(baseline), stepP95s(candidate)]
  const [totalBefore, totalAfter] = [totalFigures(baseline), totalFigures(candidate)]
  const rows: [Markup, string, string][] = [
    ...figureHeadings.map((label, index): [Markup, string, string] => [
      html`${text(label)}`,
      totalBefore[index] ?? notMeasured,
      totalAfter[index] ?? notMeasured,
    ]),
    ...[...new Set([...before.keys(), ...after.keys()])].map((label): [Markup, string, string] => [
      html`${text(label)}`,
      before.get(label) ?? notMeasured,
      after.get(label) ?? notMeasured,
    ]),
    ...[...p95After.keys()]
      .filter((step) => step !== overall)
      .slice(0, detail.steps)
      .map((step): [Markup, string, string] => [
        html`p95 ms of ${name(step)}`,
        p95Before.get(step) ?? notMeasured,
        p95After.get(step) ?? notMeasured,
      ]),
  ]
  return html`<section aria-labelledby="sides"><h2 id="sides">Both sides</h2>${stackable(
    'sides',
    'Figures of both sides',
    sideHeadings,
    rows.map(
      ([label, one, other]) =>
        html`<tr role="row">${[
          rowHeading(label),
          cell(html`<span class="narrow-label">baseline </span>${text(one)}`, 'n'),
          cell(html`<span class="narrow-label">candidate </span>${text(other)}`, 'n'),
        ]}</tr>`,
    ),
  )}</section>`
}
