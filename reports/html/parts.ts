import type { RowStatus, VerdictWord } from '../../baselines/index.ts'
import type { ProbeOutcome } from '../../record/index.ts'
import { formatCount, notMeasured } from '../wording/index.ts'
import type { Fact } from '../wording/index.ts'
import { html, raw, text } from './markup.ts'
import type { Markup, Text } from './markup.ts'

/** How many items of each kind a report shows. It states how many it leaves out. */
export interface Detail {
  runs: number
  /** Rows of the verdict that are not `pass`. */
  rows: number
  /** From here on: for each run. */
  budgets: number
  steps: number
  multiples: number
  failures: number
  reasons: number
  /** Of all probes together. */
  probes: number
  probeSteps: number
  notes: number
}

/**
 * From most to least detail; the last has no run. The report uses the first whose text is short enough. Three
 * hundred steps with a budget each fit into the first.
 */
export const details: readonly Detail[] = [
  {
    runs: 40,
    rows: 400,
    budgets: 400,
    steps: 400,
    multiples: 24,
    failures: 100,
    reasons: 20,
    probes: 60,
    probeSteps: 200,
    notes: 60,
  },
  {
    runs: 40,
    rows: 200,
    budgets: 60,
    steps: 60,
    multiples: 12,
    failures: 30,
    reasons: 10,
    probes: 40,
    probeSteps: 80,
    notes: 40,
  },
  {
    runs: 20,
    rows: 80,
    budgets: 20,
    steps: 20,
    multiples: 0,
    failures: 10,
    reasons: 10,
    probes: 20,
    probeSteps: 40,
    notes: 20,
  },
  {
    runs: 2,
    rows: 40,
    budgets: 15,
    steps: 15,
    multiples: 0,
    failures: 8,
    reasons: 5,
    probes: 10,
    probeSteps: 20,
    notes: 15,
  },
  {
    runs: 0,
    rows: 20,
    budgets: 0,
    steps: 0,
    multiples: 0,
    failures: 0,
    reasons: 0,
    probes: 5,
    probeSteps: 10,
    notes: 10,
  },
]

/** At most `most` items in their own order, those of the highest rank, and how many were left out. */
export function selectHighest<T>(
  items: readonly T[],
  most: number,
  rank: (item: T) => number,
): { shown: T[]; left: number } {
  if (items.length <= most) return { shown: [...items], left: 0 }
  const ranked = items
    .map((item, index) => ({ index, rank: rank(item) }))
    .toSorted((a, b) => b.rank - a.rank || a.index - b.index)
  const kept = new Set(ranked.slice(0, most).map(({ index }) => index))
  return { shown: items.filter((_, index) => kept.has(index)), left: items.length - most }
}

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

/** The colour of a status. It adds no information to the word. */
export function toneOf(word: RowStatus | VerdictWord | ProbeOutcome): Tone {
  return tones[word]
}

/** A status on a background of its colour. */
export function tag(word: RowStatus | VerdictWord | ProbeOutcome): Markup {
  return html`<span class="tag tone-${raw(toneOf(word))}">${text(word.toUpperCase())}</span>`
}

/** A name from outside as code, isolated from the text direction around it. */
export function name(value: string): Markup {
  return html`<code>${text(value)}</code>`
}

/** Facts as a list of terms. A value that is not a number is shown as not measured. */
export function factList(facts: readonly Fact[]): Markup {
  return html`<dl>${facts.map(
    ([term, value]) =>
      html`<dt>${text(term)}</dt><dd>${text(/^-?(NaN|Infinity)\b/.test(value) ? notMeasured : value)}</dd>`,
  )}</dl>`
}

/** States how many items are left out and which file has all of them; empty when none are. */
export function leftOut(left: number, one: string, many: string, file: string, which = ''): Markup {
  if (left === 0) return raw('')
  const items = `${formatCount(left)} more ${left === 1 ? one : many}${which}`
  return html`<p class="quiet small">… and ${text(items)}, left out here: see <code>${text(file)}</code>.</p>`
}

/**
 * A table that can be wider than a phone: it scrolls on its own, with the keyboard too, and the page does
 * not.
 */
export function scrolling(label: string, table: Markup): Markup {
  return html`<div class="scroll" role="region" aria-label="${text(label)}" tabindex="0">${table}</div>`
}

/** A table that is drawn as a list on a phone. The roles keep it a table for screen readers. */
export function stackable(
  kind: string,
  caption: string,
  headings: readonly { label: string; numeric?: boolean }[],
  rows: readonly Markup[],
): Markup {
  const head = headings.map(
    ({ label, numeric }) =>
      html`<th role="columnheader" scope="col"${raw(numeric === true ? ' class="n"' : '')}>${text(
        label,
      )}</th>`,
  )
  return html`<div class="scroll"><table class="stack ${raw(kind)}" role="table"><caption>${text(
    caption,
  )}</caption><thead role="rowgroup"><tr role="row">${
    head
  }</tr></thead><tbody role="rowgroup">${rows}</tbody></table></div>`
}

/** A cell of a `stackable` table. */
export function cell(content: Markup | Text, kind = ''): Markup {
  return html`<td role="cell"${raw(kind === '' ? '' : ` class="${kind}"`)}>${content}</td>`
}

/** The cell of a `stackable` table that names its row. */
export function rowHeading(content: Markup | Text): Markup {
  return html`<th role="rowheader" scope="row">${content}</th>`
}
