import type { Comparison } from '../input.ts'
import {
  cleanText,
  capitalize,
  describeLargestIncrease,
  summarizeProfile,
  toFunctionText,
} from '../wording/index.ts'
import { flameGraph } from './charts/flame.ts'
import { html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'
import { cell, name, rowHeading, stackable } from './parts.ts'

const headings = [
  { label: 'Function' },
  { label: 'File and line' },
  { label: 'Baseline', numeric: true },
  { label: 'Candidate', numeric: true },
  { label: 'Change', numeric: true },
  { label: 'With its calls', numeric: true },
]

/** Which functions use more or less CPU time on the candidate: a table, and the call tree of both sides. */
export function profilePart({ profile }: Comparison): Markup {
  if (profile === undefined) return raw('')
  const words =
    describeLargestIncrease(profile) ?? 'no function changed by more than what sampling alone explains'
  const rows = profile.changes.map((change) => {
    const {
      place,
      calledBy,
      baseline,
      candidate,
      change: by,
      isMore,
      total,
      name: label,
    } = toFunctionText(change)
    const cells = [
      rowHeading(name(label)),
      cell(html`${name(place)}${callerLine(calledBy)}`, 'full'),
      cell(html`<span class="narrow-label">from </span>${text(baseline)}`, 'n'),
      cell(html`<span class="narrow-label">to </span>${text(candidate)}`, 'n'),
      cell(text(by), isMore ? 'n bad' : 'n'),
      cell(html`<span class="narrow-label">with its calls </span>${text(total)}`, 'n'),
    ]
    return html`<tr role="row">${cells}</tr>`
  })
  return html`<section id="functions" aria-labelledby="functions-h"><h2 id="functions-h">Which function</h2>
<p>${text(capitalize(words))}.</p>
<p class="small quiet">${text(capitalize(cleanText(summarizeProfile(profile), 400)))}.</p>
${rows.length > 0 && stackable('functions', 'Functions whose CPU time a request changed', headings, rows)}
${flamePart(profile)}</section>`
}

function callerLine(calledBy: string): Markup {
  return calledBy === '' ? raw('') : html`<p class="small quiet">called by ${name(calledBy)}</p>`
}

function flamePart({ flame }: NonNullable<Comparison['profile']>): Markup {
  const caption = {
    title: 'Differential flame graph',
    description: 'The call tree of the candidate, coloured by the change since the baseline.',
  }
  const wide = flameGraph({ id: 'flamew', ...caption }, flame, 1030)
  const narrow = flameGraph({ id: 'flamen', ...caption }, flame, 328)
  if (wide === undefined || narrow === undefined) return raw('')
  return html`<figure><figcaption><span class="small">Differential flame graph: callers above, what they
called below. A box is as wide as the candidate's CPU time in a function and its calls.
<span class="key more-key">more</span> and <span class="key less-key">less</span> than on the baseline.
</span></figcaption><div class="wide-only">${wide}</div><div class="narrow-only">${narrow}</div></figure>`
}
