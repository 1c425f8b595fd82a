import type { RunReport } from '../input.ts'
import {
  listGeneratorFacts,
  describeLoad,
  cleanText,
  listScriptFacts,
  listServerFacts,
  listTargetFacts,
  toBudgetUses,
  formatCount,
  formatUse,
  toFailureTexts,
  overall,
} from '../wording/index.ts'
import type { Detail } from './parts.ts'
import { latencyFigure, overTime } from './run-charts.ts'
import { html, text, element, raw } from './markup.ts'
import type { Markup } from './markup.ts'
import { factList, leftOut, tag, selectHighest, name, stackable, toneOf, cell, rowHeading } from './parts.ts'
import { stepsPart } from './steps.ts'
import type { BudgetUse, FailureText } from '../wording/index.ts'

/**
 * A load run: its budgets, latency, timeline, steps and failures, then service and generator. `id` is unique
 * in the page.
 */
export function runSection(report: RunReport, detail: Detail, id: string): Markup {
  const { run, verdict } = report
  return html`<section id="${text(id)}" class="run" aria-labelledby="${text(id)}-h">
<div class="head"><h2 id="${text(id)}-h">${text(cleanText(run.suite, 80))}</h2>${tag(
    verdict.verdict,
  )}<span class="quiet">${text(describeLoad(run))}</span></div>
${callouts(report, detail)}
<h3>Budgets</h3>
${budgetTable(report, detail)}
<h3 id="${text(id)}-latency">Latency by percentile</h3>
${latencyFigure(report, id)}
<h3 id="${text(id)}-time">Over time</h3>
${overTime(report, id)}
<h3 id="${text(id)}-steps">Steps</h3>
${stepsPart(report, detail, id)}
${failureTable(report, detail, id)}
${scriptPart(report)}
<h3>Service and generator</h3>
${factsPart(report)}
</section>`
}

/** Reasons not to trust the figures below. */
function callouts({ run }: RunReport, detail: Detail): Markup[] {
  const { valid, reasons } = run.validity
  const shown = reasons.slice(0, detail.reasons).map((reason) => html`<li>${text(cleanText(reason))}</li>`)
  const left = leftOut(reasons.length - shown.length, 'reason', 'reasons', 'record.json')
  const list = html`<ul class="plain">${shown}</ul>${left}`
  const unreliable = 'Invalid: the figures below are not reliable and say nothing about the service.'
  const partial = 'The figures cover the time until then. It never becomes a baseline.'
  return [
    ...(valid ? [] : [html`<div class="callout"><p><b>${text(unreliable)}</b></p>${list}</div>`]),
    ...(run.interrupted === true
      ? [
          html`<div class="callout">
<p><b>Interrupted: the run ended before its configured duration.</b> ${text(partial)}</p></div>`,
        ]
      : []),
  ]
}

/** What a user script counts itself; nothing for a run of journeys. */
function scriptPart({ run }: RunReport): Markup | undefined {
  const facts = listScriptFacts(run)
  if (facts.length === 0) return undefined
  return html`<h3>Metrics and checks of the script</h3><div class="facts"><div>${factList(facts)}</div></div>`
}

function factsPart({ run }: RunReport): Markup {
  const server = listServerFacts(run)
  const validity: [string, string][] = [
    ['measurement', run.validity.valid ? 'valid' : 'invalid'],
    ['ended', run.interrupted === true ? 'interrupted' : 'as configured'],
  ]
  return html`<div class="facts">
<div><h4>Service metrics</h4>${
    server.length > 0
      ? factList(server)
      : html`<p class="quiet small">The metrics of the service were not read.</p>`
  }</div>
<div><h4>Generator</h4>${factList(listGeneratorFacts(run))}</div>
<div><h4>Target and run</h4>${factList([...listTargetFacts(run), ...validity])}</div>
</div>`
}

/** The bar ends at 150 % of the limit, so that the limits of all rows are aligned. */
const maxUsed = 1.5
/** Further budgets are folded. */
const maxVisible = 20

const budgetHeadings = [
  { label: 'Status' },
  { label: 'Budget' },
  { label: 'Location' },
  { label: 'Actual', numeric: true },
  { label: 'Limit', numeric: true },
  { label: 'Used of the limit' },
]

/**
 * Each budget with the measured value. When there are too many, the failed ones and those nearest their
 * limit are kept.
 */
export function budgetTable({ run, verdict }: RunReport, detail: Detail): Markup {
  const uses = toBudgetUses(verdict.rows)
  if (uses.length === 0) return html`<p class="quiet">No budget of this run could be judged.</p>`
  const { shown, left } = selectHighest(uses, detail.budgets, urgency)
  const inSight = new Set(selectHighest(shown, maxVisible, urgency).shown)
  const folded = shown.filter((use) => !inSight.has(use))
  const caption = `Budgets of ${cleanText(run.suite, 80)}`
  return html`${stackable('budgets', caption, budgetHeadings, [...inSight].map(budgetRow))}
${
  folded.length > 0 &&
  html`<details><summary>${text(
    formatCount(folded.length),
  )} more, further from their limits</summary>${stackable(
    'budgets',
    `${caption}, continued`,
    budgetHeadings,
    folded.map(budgetRow),
  )}</details>`
}${leftOut(left, 'budget', 'budgets', 'verdict.json', ', further from their limits')}`
}

function urgency({ row, used }: BudgetUse): number {
  return (row.status === 'pass' ? 0 : 1e9) + Math.min(used, 1e8)
}

function budgetRow({ row, label, actual, limit, used }: BudgetUse): Markup {
  const location =
    row.step === null ? html`<span class="whole">${text(overall)}</span>` : name(cleanText(row.step, 120))
  const use = html`${bar(used)}<span class="pct">${text(formatUse(used))}</span>`
  const cells = [
    cell(tag(row.status)),
    rowHeading(text(label)),
    cell(location),
    cell(text(actual), row.status === 'fail' ? 'n bad' : 'n'),
    cell(text(limit), 'n'),
    cell(use, `bar full tone-${toneOf(row.status)}`),
  ]
  return html`<tr role="row">${cells}</tr>`
}

/**
 * A bar with a vertical mark at the limit. The figure next to it has the same information, so it has no
 * description.
 */
function bar(used: number): Markup {
  const width = (Math.min(Math.max(used, 0), maxUsed) / maxUsed) * 300
  return element('svg', { viewBox: '0 0 300 9', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, [
    element('rect', { class: 'track', width: 300, height: 9 }),
    element('rect', { class: 'use', width, height: 9 }),
    element('rect', { class: 'limit', x: 199, width: 2, height: 9 }),
  ])
}

const failureHeadings = [
  { label: 'Count', numeric: true },
  { label: 'Class' },
  { label: 'Step' },
  { label: 'First at', numeric: true },
  { label: 'First message' },
]

/**
 * Failures by class, most frequent first, with the first message as quoted text. Empty
 * without failures.
 */
export function failureTable({ run }: RunReport, detail: Detail, id: string): Markup {
  const failures = toFailureTexts(run)
  if (failures.length === 0) return raw('')
  const shown = failures.slice(0, detail.failures)
  return html`<h3 id="${text(id)}-failures">Failures</h3>${stackable(
    'failures',
    `Failures of ${cleanText(run.suite, 80)}`,
    failureHeadings,
    shown.map(failureRow),
  )}${leftOut(failures.length - shown.length, 'kind of failure', 'kinds of failure', 'record.json')}`
}

function failureRow({ count, class: kind, meaning, step, first, example, ids }: FailureText): Markup {
  const cells = [
    cell(text(count), 'n strong'),
    rowHeading(html`${text(kind)} <span class="quiet">${text(meaning)}</span>`),
    cell(step === overall ? html`<span class="whole">${text(overall)}</span>` : name(step)),
    cell(html`${first !== '' && html`<span class="narrow-label">first at </span>${text(first)}`}`, 'n'),
    cell(
      html`${example !== '' && name(example)}${
        ids !== '' && html` <span class="quiet">request ids: ${name(ids)}</span>`
      }`,
      'full',
    ),
  ]
  return html`<tr role="row">${cells}</tr>`
}
