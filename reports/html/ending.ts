import type { Run } from '../../record/index.ts'
import type { ReportInput } from '../input.ts'
import { environmentFacts, plain, targetFacts } from '../wording/index.ts'
import type { Detail } from './detail.ts'
import { html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'
import { factList, leftOut, name } from './parts.ts'

const mostEnvironments = 3

/** What was left out of the measuring, and warnings. */
export function notesSection({ notes }: ReportInput, detail: Detail): Markup {
  if (notes.length === 0) return raw('')
  const shown = notes.slice(0, detail.notes)
  return html`<section id="notes" aria-labelledby="notes-h"><h2 id="notes-h">Left out, and warnings</h2><ul class="plain">${shown.map((note) => html`<li>${text(plain(note))}</li>`)}</ul>${leftOut(notes.length - shown.length, 'note', 'notes', 'report.md')}</section>`
}

/** For who sees such a report for the first time. */
export function readingSection(): Markup {
  return html`<section aria-labelledby="reading"><h2 id="reading">How to read this</h2>
<div class="reading">
<div><h3>Verdict</h3><p><b>Fail</b>: a promise was broken. <b>Inconclusive</b>: measured well, but too little to decide. <b>Invalid</b>: the measurement itself cannot be trusted, so it says nothing about the service. Only <b>pass</b> is a pass.</p></div>
<div><h3>Percentiles</h3><p>p95 712 ms: 95 of 100 answered requests took at most 712 ms. The curve gives every further nine the same room, so that the rare slow requests can be seen. Requests that got no answer have no latency; they count as errors.</p></div>
<div><h3>Budgets</h3><p>An upper limit, but for throughput, which must at least be reached. A bar past its mark is a broken budget. p99 needs 1,000 answers, p95 needs 200, to be judged at all.</p></div>
<div><h3>Over time</h3><p>For seeing when something began; it is never judged. The dotted upright line is the first failure.</p></div>
</div></section>`
}

/** Where the figures were made and with what: whoever compares two reports looks here first. */
export function footer(input: ReportInput): Markup {
  const environments = [...new Map(input.runs.map(({ run }) => [JSON.stringify(run.environment), run]))].map(
    ([, run]) => run,
  )
  const shown = environments.slice(0, mostEnvironments)
  const revisions = [
    ...new Set(
      input.runs.flatMap(({ run }) =>
        targetFacts(run)
          .filter(([term]) => term === 'revision')
          .map(([, value]) => value),
      ),
    ),
  ].slice(0, mostEnvironments)
  return html`<footer>
${shown.length > 0 && html`<h2>${text(environments.length === 1 ? 'Environment' : 'Environments')}</h2><div class="facts">${shown.map(environment)}</div>${leftOut(environments.length - shown.length, 'environment', 'environments', 'record.json')}`}
<p>${revisions.length > 0 && html`Revision ${revisions.map((revision, index) => html`${index > 0 && html`, `}${name(revision)}`)} · `}vigil ${text(plain(input.vigilVersion, 40))}${input.folder !== undefined && html` · files in ${name(plain(input.folder))}`}</p>
</footer>`
}

function environment(run: Run): Markup {
  const facts = environmentFacts(run)
  const fingerprint = facts.filter(([term]) => term === 'fingerprint')
  return html`<div>${factList([...fingerprint, ...facts.filter(([term]) => term !== 'fingerprint')])}</div>`
}
