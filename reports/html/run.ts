import type { RunReport } from '../input.ts'
import {
  listGeneratorFacts,
  describeLoad,
  cleanText,
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
import { factList, leftOut, tag, mostTelling, name, stackable, toneOf } from './parts.ts'
import { stepsPart } from './steps.ts'
import type { BudgetUse, FailureText } from '../wording/index.ts'

/** A load run from its budgets down to the machines it ran on. `id` is unique in the page. */
export function runSection(report: RunReport, detail: Detail, id: string): Markup {
  const { run, verdict } = report
  return html`<section id="${text(id)}" class="run" aria-labelledby="${text(id)}-h">
<div class="head"><h2 id="${text(id)}-h">${text(cleanText(run.suite, 80))}</h2>${tag(verdict.verdict)}<span class="quiet">${text(describeLoad(run))}</span></div>
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
<h3>Both sides</h3>
${factsPart(report)}
</section>`
}

/** What must be known before any figure below is believed. */
function callouts({ run }: RunReport, detail: Detail): Markup[] {
  const { valid, reasons } = run.validity
  const shown = reasons.slice(0, detail.reasons)
  return [
    ...(valid
      ? []
      : [
          html`<div class="callout"><p><b>Invalid: the figures below say nothing certain about the target.</b></p><ul class="plain">${shown.map((reason) => html`<li>${text(cleanText(reason))}</li>`)}</ul>${leftOut(reasons.length - shown.length, 'reason', 'reasons', 'record.json')}</div>`,
        ]),
    ...(run.interrupted === true
      ? [
          html`<div class="callout"><p><b>Interrupted: the run was ended before its time.</b> The figures are what there was; it never becomes a baseline.</p></div>`,
        ]
      : []),
  ]
}

function factsPart({ run }: RunReport): Markup {
  const server = listServerFacts(run)
  const validity: [string, string][] = [
    ['measurement', run.validity.valid ? 'valid' : 'invalid'],
    ['ended', run.interrupted === true ? 'interrupted' : 'as planned'],
  ]
  return html`<div class="facts">
<div><h4>Service, in its own words</h4>${server.length > 0 ? factList(server) : html`<p class="quiet small">Its metrics were not read.</p>`}</div>
<div><h4>Generator</h4>${factList(listGeneratorFacts(run))}</div>
<div><h4>Target and run</h4>${factList([...listTargetFacts(run), ...validity])}</div>
</div>`
}

/** The bar ends at half over the limit, so that the limits of all rows stand in one line. */
const mostUsed = 1.5
/** More budgets than this are folded. */
const mostInSight = 20

const budgetHeadings = [
  { label: 'Status' },
  { label: 'Budget' },
  { label: 'Where' },
  { label: 'Actual', numeric: true },
  { label: 'Limit', numeric: true },
  { label: 'Used of the limit' },
]

/**
 * Each budget with what was measured beside it; when there are too many, those broken and nearest their
 * limit are kept.
 */
export function budgetTable({ run, verdict }: RunReport, detail: Detail): Markup {
  const uses = toBudgetUses(verdict.rows)
  if (uses.length === 0) return html`<p class="quiet">No budget of this run could be judged.</p>`
  const { shown, left } = mostTelling(uses, detail.budgets, urgency)
  const inSight = new Set(mostTelling(shown, mostInSight, urgency).shown)
  const folded = shown.filter((use) => !inSight.has(use))
  const caption = `Budgets of ${cleanText(run.suite, 80)}`
  return html`${stackable('budgets', caption, budgetHeadings, [...inSight].map(budgetRow))}
${folded.length > 0 && html`<details><summary>${text(formatCount(folded.length))} more, further from their limits</summary>${stackable('budgets', `${caption}, continued`, budgetHeadings, folded.map(budgetRow))}</details>`}${leftOut(left, 'budget', 'budgets', 'verdict.json', ', further from their limits')}`
}

function urgency({ row, used }: BudgetUse): number {
  return (row.status === 'pass' ? 0 : 1e9) + Math.min(used, 1e8)
}

function budgetRow({ row, label, actual, limit, used }: BudgetUse): Markup {
  const bad = row.status === 'fail' ? ' bad' : ''
  return html`<tr role="row"><td role="cell">${tag(row.status)}</td><th role="rowheader" scope="row">${text(label)}</th><td role="cell">${row.step === null ? html`<span class="whole">${text(overall)}</span>` : name(cleanText(row.step, 120))}</td><td role="cell" class="n${raw(bad)}">${text(actual)}</td><td role="cell" class="n">${text(limit)}</td><td role="cell" class="bar full tone-${raw(toneOf(row.status))}">${bar(used)}<span class="pct">${text(formatUse(used))}</span></td></tr>`
}

/**
 * A bar whose upright mark is the limit. The figure beside it says the same, so it is no picture of its own.
 */
function bar(used: number): Markup {
  const width = (Math.min(Math.max(used, 0), mostUsed) / mostUsed) * 300
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
  { label: 'What the first one said' },
]

/**
 * What failed by class, most often first, with what the target said: quoted, never trusted. Nothing when
 * nothing failed.
 */
export function failureTable({ run }: RunReport, detail: Detail, id: string): Markup {
  const failures = toFailureTexts(run)
  if (failures.length === 0) return raw('')
  const shown = failures.slice(0, detail.failures)
  return html`<h3 id="${text(id)}-failures">Failures</h3>${stackable('failures', `Failures of ${cleanText(run.suite, 80)}`, failureHeadings, shown.map(failureRow))}${leftOut(failures.length - shown.length, 'kind of failure', 'kinds of failure', 'record.json')}`
}

function failureRow({ count: requests, class: kind, meaning, step, first, example }: FailureText): Markup {
  return html`<tr role="row"><td role="cell" class="n strong">${text(requests)}</td><th role="rowheader" scope="row">${text(kind)} <span class="quiet">${text(meaning)}</span></th><td role="cell">${step === overall ? html`<span class="whole">${text(overall)}</span>` : name(step)}</td><td role="cell" class="n">${first !== '' && html`<span class="narrow-label">first at </span>${text(first)}`}</td><td role="cell" class="full">${example !== '' && name(example)}</td></tr>`
}
