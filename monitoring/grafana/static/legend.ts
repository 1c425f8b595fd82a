import { element, html, text } from '../../../reports/html/markup.ts'
import type { Markup } from '../../../reports/html/markup.ts'

interface Entry {
  name: string
  colour: string
}

/** Grafana's scrolls; a picture cannot. */
const most = 10

/** Names beside their colours. */
export function legend(entries: readonly Entry[]): Markup {
  const more = entries.length - most
  return html`<div class="legend">${entries.slice(0, more > 0 ? most - 1 : most).map(({ name, colour }) => html`<span>${element('i', { style: `background:${colour}` })}${text(name)}</span>`)}${more > 0 && html`<span class="quiet">and ${more + 1} more</span>`}</div>`
}
