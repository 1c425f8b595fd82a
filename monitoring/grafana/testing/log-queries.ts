/** What a LogQL query of a document asks of the log: one stream, and fields of its lines. */
export interface LogQuery {
  text: string
  stream: string | undefined
  fields: string[]
  events: string[]
}

// LogQL's own words, which stand where a field could.
const words = new Set(['json', 'line_format', 'by', 'sum', 'topk', 'count_over_time', 'job', 'stream'])

/** Fields in filters (`status >= 500`), in `line_format` and in `sum by`, as Loki's `json` names them. */
export function parseLogQuery(text: string): LogQuery {
  const [, selector = ''] = /\{([^}]*)\}/.exec(text) ?? []
  const pipeline = text.replace(/\{[^}]*\}/, '')
  const filters = [...pipeline.matchAll(/\|\s*(\w+)\s*(?:=~|!~|!=|>=|<=|=|>|<)/g)]
  const formats = [...pipeline.matchAll(/\{\{\.(\w+)\}\}/g)]
  const grouped = [...pipeline.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = '']) => [
    ...names.matchAll(/(\w+)/g),
  ])
  return {
    text,
    stream: /stream="(\w+)"/.exec(selector)?.[1],
    fields: [...new Set([...filters, ...formats, ...grouped].map(([, name = '']) => name))].filter(
      (name) => !words.has(name),
    ),
    events: [...pipeline.matchAll(/\bevent =~? "([^"]+)"/g)].map(([, name = '']) => name),
  }
}

/** A line of the log with the names of its fields, nested ones joined by `_` as Loki does. */
export interface LogLine {
  stream: string
  event: string
  fields: ReadonlySet<string>
}

export function parseLogLine(line: string): LogLine | undefined {
  let read: unknown
  try {
    read = JSON.parse(line)
  } catch {
    // The log of a process also has lines that are not the API's own, such as a warning of Node.
    return undefined
  }
  if (typeof read !== 'object' || read === null) return undefined
  const { stream, event } = read as { stream?: unknown; event?: unknown }
  return { stream: String(stream), event: String(event), fields: new Set(namesIn(read, '')) }
}

function namesIn(value: object, prefix: string): string[] {
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? namesIn(inner as object, `${prefix}${name}_`)
      : [`${prefix}${name}`],
  )
}
