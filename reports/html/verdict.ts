import type { VerdictRow } from '../../baselines/index.ts'
import type { ReportInput, RunReport } from '../input.ts'
import {
  adviseNextSteps,
  capitalize,
  listBrokenRows,
  describeCauses,
  describeCertainty,
  describeTotals,
  formatCount,
  findNearestLimit,
  cleanText,
  formatRule,
  summarizeVerdict,
  formatUse,
  formatLocation,
} from '../wording/index.ts'
import type { Detail } from './parts.ts'
import { html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'
import { leftOut, name, tag, toneOf } from './parts.ts'

/** Further rows are folded: the first show what failed, the runs below show why. */
const maxVisible = 12
const maxCauses = 6
const maxLinks = 6

/**
 * What is read in five seconds: the verdict, the worst check with its value, its cause, and the next step.
 */
export function verdictSection(input: ReportInput): Markup {
  const { verdict } = input
  const [worst] = listBrokenRows(verdict)
  const summary = capitalize(summarizeVerdict(verdict))
  const where = worst ? formatLocation(worst) : ''
  const facts = [...whyFacts(input), ...nextFacts(input), ...measuredFacts(input)]
  return html`<section class="verdict tone-${raw(toneOf(verdict.verdict))}" aria-labelledby="verdict">
<h1 id="verdict"><strong>${text(verdict.verdict.toUpperCase())}</strong> <span>${text(
    worst ? cleanText(worst.message) : summary,
  )}</span></h1>
<p class="quiet">${where !== '' && html`in ${name(where)} · `}${text(cleanText(input.title, 100))}${
    worst && text(`: ${summarizeVerdict(verdict)}`)
  }</p>
${facts.length > 0 && html`<dl class="why">${facts}</dl>`}
</section>`
}

function whyFacts(input: ReportInput): Markup[] {
  const near = input.verdict.verdict === 'pass' ? findNearestLimit(input.verdict.rows) : undefined
  const causes = input.runs
    .filter(({ verdict }) => verdict.verdict !== 'pass')
    .flatMap(({ run }) =>
      describeCauses(run).map(
        (cause) =>
          html`<p>${input.runs.length > 1 && html`${name(cleanText(run.suite, 80))}: `}${text(cause)}</p>`,
      ),
    )
  return [
    ...(near
      ? [
          html`<dt>Nearest to its limit</dt><dd>${text(formatRule(near.row))} (${text(
            formatUse(near.used),
          )} of it)</dd>`,
        ]
      : []),
    ...(causes.length > 0
      ? [
          html`<dt>Cause</dt><dd>${causes.slice(0, maxCauses)}${leftOut(
            causes.length - Math.min(causes.length, maxCauses),
            'cause',
            'causes',
            'record.json',
          )}</dd>`,
        ]
      : []),
  ]
}

const maxMeasured = 6

/** The totals of each run, and of those that passed how small a slowdown they could have missed. */
function measuredFacts({ runs }: ReportInput): Markup[] {
  const shown = runs.slice(0, maxMeasured)
  const totals = shown.map(
    ({ run }) => html`<p>${name(cleanText(run.suite, 80))}: ${text(describeTotals(run))}</p>`,
  )
  const certainty = [...new Set(shown.flatMap((report) => describeCertainty(report) ?? []))]
  return [
    ...(totals.length > 0
      ? [
          html`<dt>Measured</dt><dd>${totals}${leftOut(
            runs.length - shown.length,
            'run',
            'runs',
            'verdict.json',
          )}</dd>`,
        ]
      : []),
    ...(certainty.length > 0
      ? [html`<dt>How sure</dt><dd>${certainty.map((sentence) => html`<p>${text(sentence)}</p>`)}</dd>`]
      : []),
  ]
}

function nextFacts(input: ReportInput): Markup[] {
  const advice = adviseNextSteps(input).map((sentence) => html`<p>${text(sentence)}</p>`)
  const places = placesToLook(input).slice(0, maxLinks)
  return [
    ...(advice.length > 0 ? [html`<dt>Next</dt><dd>${advice}</dd>`] : []),
    ...(places.length > 0 ? [html`<dt>See</dt><dd>${places}</dd>`] : []),
  ]
}

/**
 * Every row that is not `pass`, those with the status of the verdict first. A single row is in the verdict
 * already.
 */
export function rowsSection({ verdict }: ReportInput, detail: Detail): Markup {
  const others = verdict.rows.filter(({ status }) => status === 'improved' || status === 'skipped')
  const rows = [...listBrokenRows(verdict), ...others]
  if (rows.length === 0 || (rows.length === 1 && others.length === 0)) return raw('')
  const shown = rows.slice(0, detail.rows)
  return html`<section aria-labelledby="rows"><h2 id="rows">Checks that did not pass</h2>
<ul class="rows">${shown.slice(0, maxVisible).map(rowItem)}</ul>${folded(shown.slice(maxVisible))}${leftOut(
    rows.length - shown.length,
    'row',
    'rows',
    'verdict.json',
  )}</section>`
}

function folded(rows: readonly VerdictRow[]): Markup {
  return rows.length === 0
    ? raw('')
    : html`<details><summary>${text(formatCount(rows.length))} more</summary><ul class="rows">${rows.map(
        rowItem,
      )}</ul></details>`
}

function rowItem(row: VerdictRow): Markup {
  const where = formatLocation(row)
  return html`<li>${tag(row.status)}<span class="what">${text(cleanText(row.message))}</span>${
    where !== '' && html`<span class="where">${name(where)}</span>`
  }</li>`
}

const latencyMetrics = new Set(['p95Ms', 'p99Ms', 'meanMs'])

/** The id of a run's section. It uses the position, because a name from outside can contain anything. */
export function runId(index: number): string {
  return `run-${index + 1}`
}

/**
 * Links to the parts of the page that explain a failed check: one line for the probes and one for each
 * failed run.
 */
export function placesToLook(input: ReportInput): Markup[] {
  const down = (input.probes?.probes ?? []).some(({ outcome }) => outcome === 'down')
  return [
    ...(down ? [html`<p><a href="#probes">the probe's steps</a></p>`] : []),
    ...input.runs.flatMap((report, index) => placesInRun(report, runId(index))),
  ]
}

function placesInRun({ run, verdict }: RunReport, id: string): Markup[] {
  const broken = verdict.rows.filter(({ status }) => status === 'fail')
  if (broken.length === 0) return []
  const slow = broken.some(({ metric }) => latencyMetrics.has(metric))
  const places = [
    ...(slow ? [link(`${id}-latency`, 'by percentile'), link(`${id}-steps`, 'step by step')] : []),
    link(`${id}-time`, 'over time'),
    ...((run.failures ?? []).length > 0 ? [link(`${id}-failures`, 'failures by class')] : []),
  ]
  return [
    html`<p>${name(cleanText(run.suite, 80))}: ${places.map(
      (place, index) => html`${index > 0 && raw(', ')}${place}`,
    )}</p>`,
  ]
}

function link(id: string, label: string): Markup {
  return html`<a href="#${text(id)}">${text(label)}</a>`
}
