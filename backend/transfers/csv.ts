/**
 * The rows of CSV text (RFC 4180: fields in quotes may hold commas, quotes doubled and line ends). Lines end with CR LF,
 * LF or CR; an empty line is no row. Throws for a quote that is never closed or stands where none may.
 */
export function* csvRows(source: string): Generator<string[]> {
  let row: string[] = []
  let at = source.startsWith('\ufeff') ? 1 : 0
  while (at < source.length) {
    const field = source[at] === '"' ? quotedField(source, at) : plainField(source, at)
    row.push(field.value)
    at = field.end
    if (source[at] === ',') {
      at += 1
      if (at >= source.length || source[at] === '\n' || source[at] === '\r') row.push('')
      else continue
    }
    if (row.length > 1 || row[0] !== '') yield row
    row = []
    if (source[at] === '\r' && source[at + 1] === '\n') at += 1
    at += 1
  }
}

interface Field {
  value: string
  end: number
}

const plainEnd = /[,\r\n"]/g

function plainField(source: string, start: number): Field {
  plainEnd.lastIndex = start
  const end = plainEnd.exec(source)?.index ?? source.length
  if (source[end] === '"') throw new Error('a quote inside a field without quotes')
  return { value: source.slice(start, end), end }
}

function quotedField(source: string, start: number): Field {
  for (let at = start + 1; ; at += 2) {
    at = source.indexOf('"', at)
    if (at === -1) throw new Error('a quote is never closed')
    if (source[at + 1] === '"') continue
    const end = at + 1
    if (end < source.length && !/[,\r\n]/.test(source.charAt(end)))
      throw new Error('text after a closing quote')
    return { value: source.slice(start + 1, at).replaceAll('""', '"'), end }
  }
}

/** One line of CSV with its line end. */
export function csvLine(fields: readonly string[]): string {
  return `${fields.map((field) => csvField(guardFormula(field))).join(',')}\r\n`
}

function csvField(value: string): string {
  return /[",\r\n]/.test(value) || value === '' ? `"${value.replaceAll('"', '""')}"` : value
}

// A spreadsheet runs a cell that begins like this. An apostrophe before it makes it text; one that is there already is
// doubled, so that reading it back gives exactly what was written.
const formula = /^'*[=+\-@\t\r]/

export function guardFormula(value: string): string {
  return formula.test(value) ? `'${value}` : value
}

export function unguardFormula(value: string): string {
  return value.startsWith("'") && formula.test(value) ? value.slice(1) : value
}
