import { chart, words, element, html, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import type { PanelJson } from '../query/read.ts'
import { timeAxis } from './time-series.ts'
import { namedColour, textColour, format, legend } from './format.ts'
import { namedSeries } from './data.ts'
import type { Drawing, NamedSeries } from './data.ts'

/** Consecutive equal values. Seconds since 1970. */
interface Band {
  from: number
  to: number
  value: number
}

const margin = { top: 6, right: 10, bottom: 22, left: 148 }

/** A row of bands for each series. */
export function drawStates(drawing: Drawing): Markup[] {
  const { panel, span, size } = drawing
  const all = namedSeries(drawing)
  const x = timeAxis(span, margin.left, size.width - margin.right)
  const height = (size.height - margin.top - margin.bottom) / Math.max(all.length, 1)
  const content = all.flatMap((named, index) => {
    const top = margin.top + index * height
    return [
      words(
        margin.left - 8,
        top + height / 2 + 4,
        named.name.length > 19 ? `${named.name.slice(0, 18)}…` : named.name,
        'end',
      ),
      ...toBands(named, span.step).flatMap((band) =>
        drawBand(drawing, band, {
          x: x.at(band.from),
          width: x.at(Math.min(band.to, span.to)) - x.at(band.from),
          top: top + height * 0.1,
          height: height * 0.8,
        }),
      ),
    ]
  })
  const states = panel.fieldConfig.defaults.mappings?.flatMap(({ options }) => Object.values(options)) ?? []
  const plot = { size, margin, xTitle: '', yTitle: '', xTicks: x.ticks, yTicks: [] }
  return [
    chart({ id: `p${panel.id}`, title: panel.title, description: panel.description }, plot, content),
    legend(states.map((state) => ({ name: state.text, colour: namedColour(state.color) }))),
  ]
}

function toBands({ series }: NamedSeries, step: number): Band[] {
  const bands: Band[] = []
  for (const { at, value } of series.samples) {
    const last = bands.at(-1)
    if (last !== undefined && last.value === value && at - last.to < step / 2) last.to = at + step
    else bands.push({ from: at, to: at + step, value })
  }
  return bands
}

function drawBand(
  { panel }: Drawing,
  { value }: Band,
  box: { x: number; width: number; top: number; height: number },
): Markup[] {
  const state = findState(panel, value)
  const width = Math.max(box.width, 1)
  const rectangle = element('rect', {
    x: box.x,
    y: box.top,
    width,
    height: box.height,
    fill: namedColour(state?.color ?? ''),
    opacity: 0.85,
  })
  const label = state?.text ?? String(value)
  if (width < label.length * 8 + 12) return [rectangle]
  return [
    rectangle,
    element(
      'text',
      { x: box.x + width / 2, y: box.top + box.height / 2 + 4, 'text-anchor': 'middle', class: 'on-band' },
      text(label),
    ),
  ]
}

/** The latest value of each series, in the colour of its limit or state. */
export function drawStat(drawing: Drawing): Markup[] {
  const { panel, span } = drawing
  const all = namedSeries(drawing)
  const { noValue } = panel.fieldConfig.defaults
  if (all.length === 0)
    return [html`<div class="stats"><div class="stat empty"><b>${text(noValue ?? 'No data')}</b></div></div>`]
  const tiles = all.map(({ name, series }) => {
    const value = series.samples.at(-1)?.value ?? Number.NaN
    const { shown, colour } = valueText(panel, value, span.to * 1000)
    const style =
      colour === undefined ? undefined : `background:${namedColour(colour)};color:${textColour(colour)}`
    return element('div', { class: 'stat', style }, [
      html`<b>${text(shown)}</b>`,
      ...(all.length > 1 ? [html`<small>${text(name)}</small>`] : []),
    ])
  })
  return [html`<div class="stats">${tiles}</div>`]
}

function valueText(
  panel: PanelJson,
  value: number,
  nowMs: number,
): { shown: string; colour: string | undefined } {
  const state = findState(panel, value)
  if (state !== undefined) return { shown: state.text, colour: state.color }
  const { unit, thresholds } = panel.fieldConfig.defaults
  return {
    shown: format(unit, value, nowMs),
    colour: thresholds?.steps.findLast((step) => step.value === null || value >= step.value)?.color,
  }
}

/** The state of a value, where a panel maps values to states. */
export function findState(panel: PanelJson, value: number): { text: string; color: string } | undefined {
  return (panel.fieldConfig.defaults.mappings ?? [])
    .flatMap(({ options }) => options[String(value)] ?? [])
    .at(0)
}
