import { element, html, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'

const bytes = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
const thousands = ['', 'K', 'M', 'G', 'T']
const timeUnits: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
]

/** A value in one of Grafana's units, short. `nowMs` is for timestamps. */
export function format(unit: string | undefined, value: number, nowMs: number): string {
  if (!Number.isFinite(value)) return '–'
  switch (unit) {
    case 's':
      return duration(value)
    case 'percentunit':
      return `${short(value * 100)} %`
    case 'decbytes':
      return scaled(value, 1000, bytes)
    case 'Bps':
      return `${scaled(value, 1000, bytes)}/s`
    case 'reqps':
      return `${short(value)} req/s`
    case 'ops':
      return `${short(value)}/s`
    case 'opm':
      return `${short(value)}/min`
    case 'dateTimeFromNow':
      return `${duration((nowMs - value) / 1000)} ago`
    case undefined:
    default:
      return scaled(value, 1000, thousands)
  }
}

function duration(seconds: number): string {
  if (seconds === 0) return '0 s'
  const [size, unit] = timeUnits.find(([least]) => Math.abs(seconds) >= least) ?? [1e-6, 'µs']
  return `${short(seconds / size)} ${unit}`
}

function scaled(value: number, base: number, names: readonly string[]): string {
  const power = Math.min(
    names.length - 1,
    Math.max(0, Math.floor(Math.log(Math.abs(value)) / Math.log(base))),
  )
  const name = Number.isFinite(power) ? (names[power] ?? '') : (names[0] ?? '')
  return `${short(value / base ** (Number.isFinite(power) ? power : 0))}${name === '' ? '' : ' '}${name}`
}

function short(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(0)
  return String(Number(value.toPrecision(3)))
}

/** Colours by Grafana's names. */
const named: Readonly<Record<string, string>> = {
  green: '#2f8f46',
  blue: '#2a5db0',
  yellow: '#e3b505',
  orange: '#e8710a',
  red: '#c4162a',
  purple: '#7d3fb2',
}

/** Colours of twelve series, distinguishable on white for maxEntries colour-blind readers, too. */
const series = [
  '#2a5db0',
  '#e8710a',
  '#2f8f46',
  '#c4162a',
  '#7d3fb2',
  '#0e8a98',
  '#b5835a',
  '#d1569b',
  '#8a9a10',
  '#59636e',
  '#66a3e0',
  '#a3262a',
]

export function namedColour(name: string): string {
  return named[name] ?? '#59636e'
}

export function seriesColour(index: number): string {
  return series[index % series.length] ?? '#59636e'
}

/** The text colour on a coloured background. */
export function textColour(name: string): string {
  return name === 'yellow' ? '#1c2128' : '#ffffff'
}

interface Entry {
  name: string
  colour: string
  /** The last value, formatted. */
  value?: string
}

/** Grafana's legend scrolls; a picture cannot. */
const maxEntries = 10

/** Names next to their colours. */
export function legend(entries: readonly Entry[]): Markup {
  const more = entries.length - maxEntries
  const shown = entries.slice(0, more > 0 ? maxEntries - 1 : maxEntries)
  const items = shown.map(
    ({ name, colour, value }) =>
      html`<span>${element('i', { style: `background:${colour}` })}${text(name)}${
        value !== undefined && html` <b>${text(value)}</b>`
      }</span>`,
  )
  const rest = more > 0 && html`<span class="quiet">and ${more + 1} more</span>`
  return html`<div class="legend">${items}${rest}</div>`
}
