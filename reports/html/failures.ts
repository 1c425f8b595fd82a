import type { RunReport } from '../input.ts'
import { failureTexts, plain } from '../wording/index.ts'
import type { FailureText } from '../wording/index.ts'
import type { Detail } from './detail.ts'
import { html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'
import { leftOut, name, stackable } from './parts.ts'

const headings = [
  { label: 'Count', numeric: true },
  { label: 'Class' },
  { label: 'Step' },
  { label: 'First at', numeric: true },
  { label: 'What the first one said' },
]

/** What failed by class, most often first, with what the target said: quoted, never trusted. Nothing when nothing failed. */
export function failureTable({ run }: RunReport, detail: Detail, id: string): Markup {
  const failures = failureTexts(run)
  if (failures.length === 0) return raw('')
  const shown = failures.slice(0, detail.failures)
  return html`<h3 id="${text(id)}-failures">Failures</h3>${stackable('failures', `Failures of ${plain(run.suite, 80)}`, headings, shown.map(failureRow))}${leftOut(failures.length - shown.length, 'kind of failure', 'kinds of failure', 'record.json')}`
}

function failureRow({ count, class: kind, meaning, step, first, example }: FailureText): Markup {
  return html`<tr role="row"><td role="cell" class="n strong">${text(count)}</td><th role="rowheader" scope="row">${text(kind)} <span class="quiet">${text(meaning)}</span></th><td role="cell">${step === 'whole run' ? html`<span class="whole">whole run</span>` : name(step)}</td><td role="cell" class="n">${first !== '' && html`<span class="narrow-label">first at </span>${text(first)}`}</td><td role="cell" class="full">${example !== '' && name(example)}</td></tr>`
}
