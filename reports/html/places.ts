import type { ReportInput, RunReport } from '../input.ts'
import { plain } from '../wording/index.ts'
import { html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'
import { name } from './parts.ts'

const latencyMetrics = new Set(['p95Ms', 'p99Ms', 'meanMs'])

/** The id of a run's section: of its place, since a name from outside may be anything. */
export function runId(index: number): string {
  return `run-${index + 1}`
}

/** Where on this page a broken rule's reason is to be seen; a line for the probes and for each run that broke one. */
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
    html`<p>${name(plain(run.suite, 80))}: ${places.map((place, index) => html`${index > 0 && raw(', ')}${place}`)}</p>`,
  ]
}

function link(id: string, label: string): Markup {
  return html`<a href="#${text(id)}">${text(label)}</a>`
}
