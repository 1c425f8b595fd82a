import { Buffer } from 'node:buffer'
import type { ReportInput } from '../input.ts'
import { plain, plainUrl } from '../wording/index.ts'
import { details } from './detail.ts'
import type { Detail } from './detail.ts'
import { footer, notesSection, readingSection } from './ending.ts'
import { html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'
import { page } from './page.ts'
import { leftOut, tag } from './parts.ts'
import { runId } from './places.ts'
import { probesSection } from './probes.ts'
import { runSection } from './run.ts'
import { rowsSection, verdictSection } from './verdict.ts'

/** A mail system, an artefact viewer and a phone take a file of this size, in bytes. */
export const mostBytes = 1_000_000

/**
 * The report as one HTML file that needs nothing else: no network, no script, no font. Verdict, what broke it and the next
 * step come first, then the runs with their pictures, the probes and the surroundings. Never longer than `mostBytes`; what
 * is left out for that is said in its place. Nothing from outside is read as markup.
 */
export function htmlReport(input: ReportInput): string {
  let written = ''
  for (const detail of details) {
    const runs = runSections(input, detail)
    if (runs === undefined) continue
    written = reportWith(input, detail, runs)
    if (Buffer.byteLength(written) <= mostBytes) break
  }
  return written
}

/** The runs' sections, or undefined as soon as they alone are too long. */
function runSections(input: ReportInput, detail: Detail): Markup[] | undefined {
  const sections: Markup[] = []
  let length = 0
  for (const [index, report] of input.runs.slice(0, detail.runs).entries()) {
    const section = runSection(report, detail, runId(index))
    length += section.length
    if (length > mostBytes) return undefined
    sections.push(section)
  }
  return sections
}

function reportWith(input: ReportInput, detail: Detail, runs: readonly Markup[]): string {
  return page(`${input.verdict.verdict.toUpperCase()}: ${plain(input.title, 100)} - vigil`, [
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
  return html`<header class="top"><span><b>vigil</b> ${text(plain(input.title, 100))}</span>${run && html`<span>${text(plainUrl(run.target.url))}, ${text(plain(run.startedAt.replace(/\.\d+Z$/, 'Z').replace('T', ' '), 40))}</span>`}</header>`
}

/** The way to each run and the probes, each with what became of it; only where there is a choice. */
function contents({ runs, probes, notes }: ReportInput, detail: Detail): Markup {
  const links = [
    ...runs
      .slice(0, detail.runs)
      .map(
        ({ run, verdict }, index) =>
          html`<li><a href="#${text(runId(index))}">${text(plain(run.suite, 40))}</a> ${tag(verdict.verdict)}</li>`,
      ),
    ...(probes?.probes.length
      ? [html`<li><a href="#probes">probes</a> ${tag(worstOutcome(probes.probes))}</li>`]
      : []),
    ...(notes.length > 0 ? [html`<li><a href="#notes">left out</a></li>`] : []),
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
