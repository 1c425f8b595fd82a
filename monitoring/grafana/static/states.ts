import { chart, words } from '../../../reports/html/charts/frame.ts'
import { element, text } from '../../../reports/html/markup.ts'
import type { Markup } from '../../../reports/html/markup.ts'
import { timeAxis } from './axes.ts'
import { colourNamed } from './colours.ts'
import { namedSeries } from './drawing.ts'
import type { Drawing, NamedSeries } from './drawing.ts'
import { legend } from './legend.ts'
import { stateOf } from './stat.ts'

/** Equal neighbours as one band. Seconds since 1970. */
interface Band {
  from: number
  to: number
  value: number
}

const margin = { top: 6, right: 10, bottom: 22, left: 148 }

/** A line of bands for each series. */
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
      ...bandsOf(named, span.step).flatMap((band) =>
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
    legend(states.map((state) => ({ name: state.text, colour: colourNamed(state.color) }))),
  ]
}

function bandsOf({ series }: NamedSeries, step: number): Band[] {
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
  const state = stateOf(panel, value)
  const width = Math.max(box.width, 1)
  const rectangle = element('rect', {
    x: box.x,
    y: box.top,
    width,
    height: box.height,
    fill: colourNamed(state?.color ?? ''),
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
