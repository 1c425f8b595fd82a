/** A metrics text read by the letter of its specification, independently of what writes it. */
export interface Exposition {
  families: Map<string, Metadata>
  /** By `name{label="value",…}`, labels sorted, empty ones left out as Prometheus does. */
  samples: Map<string, number>
}

export interface Metadata {
  type?: string
  unit?: string
  help?: string
}

interface Line {
  name: string
  labels: [string, string][]
  value: number
}

/** How a series is named among `samples`. */
export function seriesKey(name: string, labels: Record<string, string>): string {
  const written = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `${name}${JSON.stringify(written)}`
}

/** Reads Prometheus' text format 0.0.4, as Pushgateway writes it. Throws where a line breaks it. */
export function readPrometheus(text: string): Exposition {
  const read: Exposition = { families: new Map(), samples: new Map() }
  for (const line of text.split('\n')) {
    if (line === '') continue
    const metadata = metadataOf(line)
    if (metadata) Object.assign(familyOf(read, metadata.name), metadata.fact)
    else if (!line.startsWith('#')) addSample(read, sampleOf(line))
  }
  return read
}

/** Reads OpenMetrics 1.0 and throws at the first line that breaks it. */
export function readOpenMetrics(text: string): Exposition {
  const read: Exposition = { families: new Map(), samples: new Map() }
  if (!text.endsWith('# EOF\n')) throw new Error('no # EOF at the end')
  let family = ''
  for (const line of text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1)) {
    const metadata = metadataOf(line)
    if (metadata) {
      if (metadata.name !== family && read.families.has(metadata.name))
        throw new Error(`family in two places: ${line}`)
      family = metadata.name
      const known = familyOf(read, family)
      for (const key of Object.keys(metadata.fact))
        if (Object.hasOwn(known, key)) throw new Error(`said twice: ${line}`)
      if ([...read.samples.keys()].some((key) => key.startsWith(`${family}[`)))
        throw new Error(`metadata after samples: ${line}`)
      Object.assign(known, metadata.fact)
      if (metadata.fact.unit !== undefined && !family.endsWith(`_${metadata.fact.unit}`))
        throw new Error(`unit is not the end of the name: ${line}`)
    } else {
      const sample = sampleOf(line)
      checkSample(sample, family, read.families.get(family)?.type, line)
      addSample(read, sample)
    }
  }
  return read
}

function checkSample(
  { name, labels, value }: Line,
  family: string,
  type: string | undefined,
  line: string,
): void {
  const names =
    new Map([
      ['gauge', ['']],
      ['summary', ['', '_sum', '_count']],
    ]).get(type ?? '') ?? []
  if (!names.some((suffix) => name === family + suffix))
    throw new Error(`not of family ${family} (${type ?? 'no type'}): ${line}`)
  const quantile = labels.find(([label]) => label === 'quantile')?.[1]
  if ((type === 'summary' && name === family) !== (quantile !== undefined))
    throw new Error(`quantile label out of place: ${line}`)
  if (quantile !== undefined && !/^(0|1)\.\d+$/.test(quantile))
    throw new Error(`quantile is no canonical float: ${line}`)
  if (name.endsWith('_count') && !(Number.isInteger(value) && value >= 0))
    throw new Error(`count is no count: ${line}`)
  if (type === 'summary' && value < 0) throw new Error(`negative: ${line}`)
}

function familyOf(read: Exposition, name: string): Metadata {
  const family = read.families.get(name) ?? {}
  read.families.set(name, family)
  return family
}

function addSample(read: Exposition, { name, labels, value }: Line): void {
  if (new Set(labels.map(([label]) => label)).size < labels.length) throw new Error(`a label twice: ${name}`)
  const key = seriesKey(name, Object.fromEntries(labels))
  if (read.samples.has(key)) throw new Error(`a series twice: ${key}`)
  read.samples.set(key, value)
}

function metadataOf(line: string): { name: string; fact: Metadata } | undefined {
  const [, kind, name = '', rest = ''] =
    /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s.exec(line) ?? []
  if (kind === 'TYPE') return { name, fact: { type: rest } }
  if (kind === 'UNIT') return { name, fact: { unit: rest } }
  return kind === 'HELP' ? { name, fact: { help: unescaped(rest) } } : undefined
}

const number = /^(?:[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?|[+-]?inf|nan)$/i

function sampleOf(line: string): Line {
  const [, name = '', braces, value = ''] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? ([^ ]+)$/s.exec(line) ?? []
  if (name === '' || !number.test(value)) throw new Error(`no sample: ${JSON.stringify(line)}`)
  const amount = /inf/i.test(value) ? (value.startsWith('-') ? -Infinity : Infinity) : Number(value)
  return { name, labels: braces === undefined ? [] : labelsOf(braces.slice(1, -1), line), value: amount }
}

function labelsOf(text: string, line: string): [string, string][] {
  const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y
  const labels: [string, string][] = []
  while (label.lastIndex < text.length) {
    const [, key, value] = label.exec(text) ?? []
    if (key === undefined || value === undefined) throw new Error(`no labels: ${line}`)
    labels.push([key, unescaped(value)])
  }
  return labels
}

function unescaped(text: string): string {
  return text.replaceAll(/\\([\\"n])/g, (_, character: string) => (character === 'n' ? '\n' : character))
}
