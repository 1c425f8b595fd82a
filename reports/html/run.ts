import type { RunReport } from '../input.ts'
import { generatorFacts, loadLine, plain, serverFacts, targetFacts } from '../wording/index.ts'
import { budgetTable } from './budgets.ts'
import type { Detail } from './detail.ts'
import { failureTable } from './failures.ts'
import { latencyFigure } from './latency.ts'
import { html, text } from './markup.ts'
import type { Markup } from './markup.ts'
import { overTime } from './over-time.ts'
import { factList, leftOut, tag } from './parts.ts'
import { stepsPart } from './steps.ts'

/** A load run from its budgets down to the machines it ran on. `id` is unique in the page. */
export function runSection(report: RunReport, detail: Detail, id: string): Markup {
  const { run, verdict } = report
  return html`<section id="${text(id)}" class="run" aria-labelledby="${text(id)}-h">
<div class="head"><h2 id="${text(id)}-h">${text(plain(run.suite, 80))}</h2>${tag(verdict.verdict)}<span class="quiet">${text(loadLine(run))}</span></div>
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
          html`<div class="callout"><p><b>Invalid: the figures below say nothing certain about the target.</b></p><ul class="plain">${shown.map((reason) => html`<li>${text(plain(reason))}</li>`)}</ul>${leftOut(reasons.length - shown.length, 'reason', 'reasons', 'record.json')}</div>`,
        ]),
    ...(run.interrupted === true
      ? [
          html`<div class="callout"><p><b>Interrupted: the run was ended before its time.</b> The figures are what there was; it never becomes a baseline.</p></div>`,
        ]
      : []),
  ]
}

function factsPart({ run }: RunReport): Markup {
  const server = serverFacts(run)
  const validity: [string, string][] = [
    ['measurement', run.validity.valid ? 'valid' : 'invalid'],
    ['ended', run.interrupted === true ? 'interrupted' : 'as planned'],
  ]
  return html`<div class="facts">
<div><h4>Service, in its own words</h4>${server.length > 0 ? factList(server) : html`<p class="quiet small">Its metrics were not read.</p>`}</div>
<div><h4>Generator</h4>${factList(generatorFacts(run))}</div>
<div><h4>Target and run</h4>${factList([...targetFacts(run), ...validity])}</div>
</div>`
}
