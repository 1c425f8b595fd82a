import { createHash } from 'node:crypto'
import { toOneLine } from '../../record/index.ts'

/** A metric family as data. */
export interface Family {
  name: string
  help: string
  /** A `summary` carries quantiles that were computed before, with sum and count; nothing in a run's report is a counter. */
  type: 'gauge' | 'summary'
  samples: Sample[]
}

export interface Sample {
  labels: Record<string, string>
  value: number
  /** Of a summary's sum and count. */
  suffix?: '_sum' | '_count'
}

const longestLabel = 120

/**
 * A label's value: one line, at most 120 characters. A longer one is cut and ends in a digest of the whole, so that two
 * long names stay two series.
 */
export function labelValue(text: string): string {
  const characters = [...toOneLine(text, Infinity)]
  if (characters.length <= longestLabel) return characters.join('')
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8)
  return `${characters.slice(0, longestLabel - 9).join('')}~${digest}`
}

/**
 * The families as text that is both OpenMetrics 1.0 and Prometheus' 0.0.4: no blank lines, and units and an end that the
 * second reads as comments.
 */
export function textOf(families: readonly Family[]): string {
  const lines = families.flatMap(({ name, help, type, samples }) => [
    `# TYPE ${name} ${type}`,
    ...unitOf(name).map((unit) => `# UNIT ${name} ${unit}`),
    `# HELP ${name} ${escaped(help)}`,
    ...samples.map((sample) => sampleLine(name, sample)),
  ])
  return [...lines, '# EOF', ''].join('\n')
}

// OpenMetrics wants a family's unit to be the end of its name; `_per_request` and counts have none.
function unitOf(name: string): string[] {
  return ['seconds', 'bytes', 'ratio'].filter((unit) => name.endsWith(`_${unit}`))
}

function sampleLine(name: string, { labels, value, suffix }: Sample): string {
  const written = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`)
  return `${name}${suffix ?? ''}${written.length > 0 ? `{${written.join(',')}}` : ''} ${numberText(value)}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return String(value)
}
