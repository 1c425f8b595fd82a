import { element, html, text } from '../../../reports/html/markup.ts'
import type { Markup } from '../../../reports/html/markup.ts'
import type { PanelJson } from '../query/read.ts'
import { colourNamed, inkOn } from './colours.ts'
import { namedSeries } from './drawing.ts'
import type { Drawing } from './drawing.ts'
import { format } from './format.ts'

/** The latest value of each series, on the colour of its limit or state. */
export function drawStat(drawing: Drawing): Markup[] {
  const { panel, span } = drawing
  const all = namedSeries(drawing)
  const { noValue } = panel.fieldConfig.defaults
  if (all.length === 0)
    return [html`<div class="stats"><div class="stat empty"><b>${text(noValue ?? 'No data')}</b></div></div>`]
  const tiles = all.map(({ name, series }) => {
    const value = series.samples.at(-1)?.value ?? Number.NaN
    const { shown, colour } = saying(panel, value, span.to * 1000)
    const style =
      colour === undefined ? undefined : `background:${colourNamed(colour)};color:${inkOn(colour)}`
    return element('div', { class: 'stat', style }, [
      html`<b>${text(shown)}</b>`,
      ...(all.length > 1 ? [html`<small>${text(name)}</small>`] : []),
    ])
  })
  return [html`<div class="stats">${tiles}</div>`]
}

function saying(
  panel: PanelJson,
  value: number,
  nowMs: number,
): { shown: string; colour: string | undefined } {
  const state = stateOf(panel, value)
  if (state !== undefined) return { shown: state.text, colour: state.color }
  const { unit, thresholds } = panel.fieldConfig.defaults
  return {
    shown: format(unit, value, nowMs),
    colour: thresholds?.steps.findLast((step) => step.value === null || value >= step.value)?.color,
  }
}

/** The state that a value stands for, where a panel maps values to states. */
export function stateOf(panel: PanelJson, value: number): { text: string; color: string } | undefined {
  return (panel.fieldConfig.defaults.mappings ?? [])
    .flatMap(({ options }) => options[String(value)] ?? [])
    .at(0)
}
