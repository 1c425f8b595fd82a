import type { RowStatus, VerdictWord } from '../../baselines/index.ts'
import type { ProbeOutcome } from '../../record/index.ts'
import { count, nothing } from '../wording/index.ts'
import type { Fact } from '../wording/index.ts'
import { html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'

export type Tone = 'pass' | 'fail' | 'warn' | 'none'

const tones: Record<RowStatus | VerdictWord | ProbeOutcome, Tone> = {
  pass: 'pass',
  improved: 'pass',
  up: 'pass',
  fail: 'fail',
  down: 'fail',
  inconclusive: 'warn',
  invalid: 'warn',
  degraded: 'warn',
  unknown: 'warn',
  skipped: 'none',
}

/** The colour of a word. It only says again what the word says. */
export function toneOf(word: RowStatus | VerdictWord | ProbeOutcome): Tone {
  return tones[word]
}

/** A status as a word on a ground of its colour. */
export function tag(word: RowStatus | VerdictWord | ProbeOutcome): Markup {
  return html`<span class="tag tone-${raw(toneOf(word))}">${text(word.toUpperCase())}</span>`
}

/** A name from outside, in the typeface of code and with a direction of its own. */
export function name(value: string): Markup {
  return html`<code>${text(value)}</code>`
}

/** Facts as a list of terms; a figure that is no number is shown as not measured. */
export function factList(facts: readonly Fact[]): Markup {
  return html`<dl>${facts.map(([term, value]) => html`<dt>${text(term)}</dt><dd>${text(/^-?(NaN|Infinity)\b/.test(value) ? nothing : value)}</dd>`)}</dl>`
}

/** Says what a bound left out, and where all of it is; nothing when nothing was. */
export function leftOut(left: number, one: string, many: string, file: string, which = ''): Markup {
  return left === 0
    ? raw('')
    : html`<p class="quiet small">… and ${text(count(left))} more ${text(left === 1 ? one : many)}${text(which)}, left out here: see <code>${text(file)}</code>.</p>`
}

/** A table that is wider than a phone: it scrolls by itself, by keyboard too, and the page does not. */
export function scrolling(label: string, table: Markup): Markup {
  return html`<div class="scroll" role="region" aria-label="${text(label)}" tabindex="0">${table}</div>`
}

/** A table that becomes a list on a phone. The roles keep it a table to a screen reader when it is no longer drawn as one. */
export function stackable(
  kind: string,
  caption: string,
  headings: readonly { label: string; numeric?: boolean }[],
  rows: readonly Markup[],
): Markup {
  const head = headings.map(
    ({ label, numeric }) =>
      html`<th role="columnheader" scope="col"${raw(numeric === true ? ' class="n"' : '')}>${text(label)}</th>`,
  )
  return html`<div class="scroll"><table class="stack ${raw(kind)}" role="table"><caption>${text(caption)}</caption><thead role="rowgroup"><tr role="row">${head}</tr></thead><tbody role="rowgroup">${rows}</tbody></table></div>`
}

export function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}
