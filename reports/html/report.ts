import type { Comparison, ReportInput } from '../input.ts'
import {
  cleanText,
  toPublicUrl,
  toProbeText,
  listEnvironmentFacts,
  listTargetFacts,
} from '../wording/index.ts'
import { comparisonSections } from './comparison.ts'
import { details, leftOut, tag, selectHighest, name, stackable, factList, cell, rowHeading } from './parts.ts'
import type { Detail } from './parts.ts'
import { html, raw, text, page } from './markup.ts'
import type { Markup } from './markup.ts'
import { runId, rowsSection, verdictSection } from './verdict.ts'
import { runSection } from './run.ts'
import type { ProbeText, StepText } from '../wording/index.ts'
import type { Run } from '../../record/index.ts'

/** Mail systems, artefact viewers and phones accept a file of this size. */
export const maxBytes = 1_000_000

/**
 * The report as one self-contained HTML file: no network, no script, no font. Verdict, cause and next step
 * come first, then the runs with their charts, the probes and the environment. At most `maxBytes` long; it
 * states what it leaves out. No text from outside is read as markup.
 */
export function htmlReport(input: ReportInput): string {
  let written = ''
  for (const detail of details) {
    if (input.comparison !== undefined) {
      written = comparisonPage(input, input.comparison, detail)
      if (Buffer.byteLength(written) <= maxBytes) break
      continue
    }
    const runs = runSections(input, detail)
    if (runs === undefined) continue
    written = reportWith(input, detail, runs)
    if (Buffer.byteLength(written) <= maxBytes) break
  }
  return written
}

/** A duet is about two sides: its page shows both, and neither as a run of its own. */
function comparisonPage(input: ReportInput, comparison: Comparison, detail: Detail): string {
  return page(`${input.verdict.verdict.toUpperCase()}: ${cleanText(input.title, 100)} - vigil`, [
    topLine(input),
    html`<main>
${comparisonSections(input, comparison, detail)}
${notesSection(input, detail)}
</main>`,
    footer(input),
  ])
}

/** The sections of the runs, or undefined when they alone exceed `maxBytes`. */
function runSections(input: ReportInput, detail: Detail): Markup[] | undefined {
  const sections: Markup[] = []
  let length = 0
  for (const [index, report] of input.runs.slice(0, detail.runs).entries()) {
    const section = runSection(report, detail, runId(index))
    length += section.length
    if (length > maxBytes) return undefined
    sections.push(section)
  }
  return sections
}

function reportWith(input: ReportInput, detail: Detail, runs: readonly Markup[]): string {
  return page(`${input.verdict.verdict.toUpperCase()}: ${cleanText(input.title, 100)} - vigil`, [
    topLine(input),
    html`<main>
${verdictSection(input)}
${contents(input, detail)}
${rowsSection(input, detail)}
${runs}
${leftOut(input.runs.length - runs.length, 'run', 'runs', 'verdict.json')}
${probesSection(input, detail)}
${notesSection(input, detail)}
${readingSection()}
</main>`,
    footer(input),
  ])
}

function topLine(input: ReportInput): Markup {
  const run = input.runs[0]?.run
  return html`<header class="top"><span><b>vigil</b> ${text(cleanText(input.title, 100))}</span>${
    run &&
    html`<span>${text(toPublicUrl(run.target.url))}, ${text(
      cleanText(run.startedAt.replace(/\.\d+Z$/, 'Z').replace('T', ' '), 40),
    )}</span>`
  }</header>`
}

/** Links to the runs, probes and notes with their results; empty when there are fewer than two. */
function contents({ runs, probes, notes }: ReportInput, detail: Detail): Markup {
  const links = [
    ...runs
      .slice(0, detail.runs)
      .map(
        ({ run, verdict }, index) =>
          html`<li><a href="#${text(runId(index))}">${text(cleanText(run.suite, 40))}</a> ${tag(
            verdict.verdict,
          )}</li>`,
      ),
    ...(probes?.probes.length
      ? [html`<li><a href="#probes">probes</a> ${tag(worstOutcome(probes.probes))}</li>`]
      : []),
    ...(notes.length > 0 ? [html`<li><a href="#notes">notes</a></li>`] : []),
  ]
  return links.length < 2 ? raw('') : html`<nav aria-label="Contents"><ul>${links}</ul></nav>`
}

function worstOutcome(
  probes: readonly { outcome: 'up' | 'degraded' | 'down' | 'unknown' }[],
): 'up' | 'degraded' | 'down' | 'unknown' {
  return (
    (['down', 'unknown', 'degraded'] as const).find((word) =>
      probes.some(({ outcome }) => outcome === word),
    ) ?? 'up'
  )
}

const headings = [
  { label: 'Result' },
  { label: 'Step' },
  { label: 'Status' },
  { label: 'Duration', numeric: true },
  { label: 'Reason' },
]

/** Each probe with its steps, open when the probe is not up. */
export function probesSection({ probes }: ReportInput, detail: Detail): Markup {
  if (!probes || probes.probes.length === 0) return raw('')
  const { shown, left } = selectHighest(probes.probes.map(toProbeText), detail.probes, ({ outcome }) =>
    outcome === 'up' ? 0 : 1,
  )
  const parts: Markup[] = []
  let room = detail.probeSteps
  for (const probe of shown) {
    const steps = probe.steps.slice(0, Math.max(room, 0))
    room -= steps.length
    parts.push(probePart(probe, steps))
  }
  return html`<section id="probes" aria-labelledby="probes-h"><h2 id="probes-h">Probes</h2>${parts}${leftOut(
    left,
    'probe',
    'probes',
    'probes.json',
  )}</section>`
}

function probePart(probe: ProbeText, steps: readonly StepText[]): Markup {
  const { outcome, took, attempts, message } = probe
  const table =
    steps.length > 0
      ? stackable('probe', `Steps of probe ${probe.name}`, headings, steps.map(stepRow))
      : html`<p class="quiet small">No step was run.</p>`
  return html`<details class="probe"${raw(outcome === 'up' ? '' : ' open=""')}><summary>${tag(
    outcome,
  )} <b>${text(probe.name)}</b> <span class="quiet">${text(took)}${
    attempts !== '' && text(`, ${attempts}`)
  }</span></summary>
${message !== '' && html`<p class="what">${text(message)}</p>`}${table}${leftOut(
    probe.steps.length - steps.length,
    'step',
    'steps',
    'probes.json',
  )}</details>`
}

function stepRow({ step, ok, status, took, message }: StepText): Markup {
  const cells = [
    cell(ok ? html`<span class="quiet">ok</span>` : tag('fail')),
    rowHeading(name(step)),
    cell(text(status)),
    cell(text(took), 'n'),
    cell(html`${message !== '' && name(message)}`, 'full'),
  ]
  return html`<tr role="row">${cells}</tr>`
}

const maxEnvironments = 3

/** What was skipped, and warnings. */
export function notesSection({ notes }: ReportInput, detail: Detail): Markup {
  if (notes.length === 0) return raw('')
  const shown = notes.slice(0, detail.notes).map((note) => html`<li>${text(cleanText(note))}</li>`)
  const left = leftOut(notes.length - shown.length, 'note', 'notes', 'report.md')
  const list = html`<ul class="plain">${shown}</ul>${left}`
  return html`<section id="notes" aria-labelledby="notes-h">
<h2 id="notes-h">Notes and warnings</h2>${list}</section>`
}

/** An explanation for a first-time reader. */
export function readingSection(): Markup {
  return html`<section aria-labelledby="reading"><h2 id="reading">How to read this</h2>
<div class="reading">
<div><h3>Verdict</h3><p><b>Fail</b>: a check failed.
<b>Inconclusive</b>: the measurement is valid, but has too few requests to decide.
<b>Invalid</b>: the measurement cannot be trusted, so it says nothing about the service.
Only <b>pass</b> is a pass.</p></div>
<div><h3>Percentiles</h3><p>p95 712 ms: 95 of 100 answered requests took at most 712 ms.
The axis is logarithmic, so that rare slow requests are visible:
90 %, 99 % and 99.9 % have the same distance.
Requests without an answer have no latency; they count as errors.</p></div>
<div><h3>Budgets</h3><p>An upper limit; for throughput, a lower limit.
A bar beyond its mark is a failed budget.
To be judged, p99 needs 1,000 answers and p95 needs 200.</p></div>
<div><h3>Over time</h3><p>Shows when a change began; it is never judged.
The dotted vertical line is the first failure.</p></div>
</div></section>`
}

/** Environment, revisions and versions: what to check first when two reports differ. */
export function footer(input: ReportInput): Markup {
  const environments = [...new Map(input.runs.map(({ run }) => [JSON.stringify(run.environment), run]))].map(
    ([, run]) => run,
  )
  const shown = environments.slice(0, maxEnvironments)
  const revisions = [
    ...new Set(
      input.runs.flatMap(({ run }) =>
        listTargetFacts(run)
          .filter(([term]) => term === 'revision')
          .map(([, value]) => value),
      ),
    ),
  ].slice(0, maxEnvironments)
  return html`<footer>
${
  shown.length > 0 &&
  html`<h2>${text(
    environments.length === 1 ? 'Environment' : 'Environments',
  )}</h2><div class="facts">${shown.map(environment)}</div>${leftOut(
    environments.length - shown.length,
    'environment',
    'environments',
    'record.json',
  )}`
}
<p>${
    revisions.length > 0 &&
    html`Revision ${revisions.map((revision, index) => html`${index > 0 && html`, `}${name(revision)}`)} · `
  }vigil ${text(cleanText(input.vigilVersion, 40))}${
    input.folder !== undefined && html` · files in ${name(cleanText(input.folder))}`
  }</p>
</footer>`
}

function environment(run: Run): Markup {
  const facts = listEnvironmentFacts(run)
  const fingerprint = facts.filter(([term]) => term === 'fingerprint')
  return html`<div>${factList([...fingerprint, ...facts.filter(([term]) => term !== 'fingerprint')])}</div>`
}
