import type { ReportInput } from '../input.ts'
import { probeText } from '../wording/index.ts'
import type { ProbeText, StepText } from '../wording/index.ts'
import { mostTelling } from './detail.ts'
import type { Detail } from './detail.ts'
import { html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'
import { leftOut, name, stackable, tag } from './parts.ts'

const headings = [
  { label: 'Result' },
  { label: 'Step' },
  { label: 'Status' },
  { label: 'Took', numeric: true },
  { label: 'Why' },
]

/** Each probe with its steps: unfolded where it is not up, else a line to be opened. */
export function probesSection({ probes }: ReportInput, detail: Detail): Markup {
  if (!probes || probes.probes.length === 0) return raw('')
  const { shown, left } = mostTelling(probes.probes.map(probeText), detail.probes, ({ outcome }) =>
    outcome === 'up' ? 0 : 1,
  )
  const parts: Markup[] = []
  let room = detail.probeSteps
  for (const probe of shown) {
    const steps = probe.steps.slice(0, Math.max(room, 0))
    room -= steps.length
    parts.push(probePart(probe, steps))
  }
  return html`<section id="probes" aria-labelledby="probes-h"><h2 id="probes-h">Probes</h2>${parts}${leftOut(left, 'probe', 'probes', 'probes.json')}</section>`
}

function probePart(probe: ProbeText, steps: readonly StepText[]): Markup {
  const { outcome, took, attempts, message } = probe
  const table =
    steps.length > 0
      ? stackable('probe', `Steps of probe ${probe.name}`, headings, steps.map(stepRow))
      : html`<p class="quiet small">No step was made.</p>`
  return html`<details class="probe"${raw(outcome === 'up' ? '' : ' open=""')}><summary>${tag(outcome)} <b>${text(probe.name)}</b> <span class="quiet">${text(took)}${attempts !== '' && text(`, ${attempts}`)}</span></summary>
${message !== '' && html`<p class="what">${text(message)}</p>`}${table}${leftOut(probe.steps.length - steps.length, 'step', 'steps', 'probes.json')}</details>`
}

function stepRow({ step, ok, status, took, message }: StepText): Markup {
  return html`<tr role="row"><td role="cell">${ok ? html`<span class="quiet">ok</span>` : tag('fail')}</td><th role="rowheader" scope="row">${name(step)}</th><td role="cell">${text(status)}</td><td role="cell" class="n">${text(took)}</td><td role="cell" class="full">${message !== '' && name(message)}</td></tr>`
}
