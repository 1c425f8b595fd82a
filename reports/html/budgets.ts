import type { RunReport } from '../input.ts'
import { budgetUses, count, plain, usedText } from '../wording/index.ts'
import type { BudgetUse } from '../wording/index.ts'
import { mostTelling } from './detail.ts'
import type { Detail } from './detail.ts'
import { element, html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'
import { leftOut, name, stackable, tag, toneOf } from './parts.ts'

/** The bar ends at half over the limit, so that the limits of all rows stand in one line. */
const mostUsed = 1.5
/** More budgets than this are folded. */
const mostInSight = 20

const headings = [
  { label: 'Status' },
  { label: 'Budget' },
  { label: 'Where' },
  { label: 'Actual', numeric: true },
  { label: 'Limit', numeric: true },
  { label: 'Used of the limit' },
]

/** Each budget with what was measured beside it; when there are too many, those broken and nearest their limit are kept. */
export function budgetTable({ run, verdict }: RunReport, detail: Detail): Markup {
  const uses = budgetUses(verdict.rows)
  if (uses.length === 0) return html`<p class="quiet">No budget of this run could be judged.</p>`
  const { shown, left } = mostTelling(uses, detail.budgets, urgency)
  const inSight = new Set(mostTelling(shown, mostInSight, urgency).shown)
  const folded = shown.filter((use) => !inSight.has(use))
  const caption = `Budgets of ${plain(run.suite, 80)}`
  return html`${stackable('budgets', caption, headings, [...inSight].map(budgetRow))}
${folded.length > 0 && html`<details><summary>${text(count(folded.length))} more, further from their limits</summary>${stackable('budgets', `${caption}, continued`, headings, folded.map(budgetRow))}</details>`}${leftOut(left, 'budget', 'budgets', 'verdict.json', ', further from their limits')}`
}

function urgency({ row, used }: BudgetUse): number {
  return (row.status === 'pass' ? 0 : 1e9) + Math.min(used, 1e8)
}

function budgetRow({ row, label, actual, limit, used }: BudgetUse): Markup {
  const bad = row.status === 'fail' ? ' bad' : ''
  return html`<tr role="row"><td role="cell">${tag(row.status)}</td><th role="rowheader" scope="row">${text(label)}</th><td role="cell">${row.step === null ? html`<span class="whole">whole run</span>` : name(plain(row.step, 120))}</td><td role="cell" class="n${raw(bad)}">${text(actual)}</td><td role="cell" class="n">${text(limit)}</td><td role="cell" class="bar full tone-${raw(toneOf(row.status))}">${bar(used)}<span class="pct">${text(usedText(used))}</span></td></tr>`
}

/** A bar whose upright mark is the limit. The figure beside it says the same, so it is no picture of its own. */
function bar(used: number): Markup {
  const width = (Math.min(Math.max(used, 0), mostUsed) / mostUsed) * 300
  return element('svg', { viewBox: '0 0 300 9', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, [
    element('rect', { class: 'track', width: 300, height: 9 }),
    element('rect', { class: 'use', width, height: 9 }),
    element('rect', { class: 'limit', x: 199, width: 2, height: 9 }),
  ])
}
