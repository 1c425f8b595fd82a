import { parse } from 'csv-parse'
import type { CsvError, Parser } from 'csv-parse'
import { stringify } from 'csv-stringify/sync'

/** Bytes parsed in one turn of the event loop: a file of 5 MB parsed in one would delay every request. */
const sliceBytes = 16_384

const messages: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'text after a closing quote',
  INVALID_OPENING_QUOTE: 'a quote inside a field without quotes',
}

/**
 * The rows of CSV text (RFC 4180). Lines end with CR LF, LF or CR, also mixed; empty lines are skipped.
 * Throws for an unclosed or misplaced quote, after it has yielded the rows before it.
 */
export async function* readCsvRows(source: string): AsyncGenerator<string[]> {
  const rows: string[][] = []
  const parser = parse({
    bom: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    // Rows are kept here and not in the stream, which would drop those before an error.
    on_record: (row) => {
      if (row.length > 1 || row[0] !== '') rows.push(row)
      return null
    },
  })
  // `write` and `end` report it to their callbacks; without a listener it would also end the process.
  parser.on('error', () => undefined)
  const bytes = Buffer.from(source)
  for (let start = 0; start < bytes.length; start += sliceBytes) {
    const error = await writeSlice(parser, bytes.subarray(start, start + sliceBytes))
    yield* rows.splice(0)
    if (error !== undefined) throw error
  }
  const error = await endInput(parser)
  yield* rows.splice(0)
  if (error !== undefined) throw error
}

function writeSlice(parser: Parser, slice: Buffer): Promise<Error | undefined> {
  return new Promise((resolve) => parser.write(slice, (error) => resolve(describeError(error))))
}

function endInput(parser: Parser): Promise<Error | undefined> {
  return new Promise((resolve) => {
    parser.once('error', (error) => resolve(describeError(error)))
    parser.end((error?: Error | null) => resolve(describeError(error)))
  })
}

// The library's own messages quote the file.
function describeError(error: Error | CsvError | null | undefined): Error | undefined {
  if (error === null || error === undefined) return undefined
  return new Error(('code' in error && messages[error.code]) || 'not CSV')
}

/** Lines of CSV with their line ends, safe to open in a spreadsheet. */
export function formatCsvRows(rows: readonly (readonly string[])[]): string {
  return stringify(
    rows.map((fields) => fields.map(guardFormula)),
    { record_delimiter: 'windows', quoted_empty: true, quoted_match: /[\r\n]/ },
  )
}

// A spreadsheet executes a cell that begins like this. A leading apostrophe makes it text; an existing one is
// doubled, so that reading restores exactly what was written.
const formula = /^'*[=+\-@\t\r]/

export function guardFormula(value: string): string {
  return formula.test(value) ? `'${value}` : value
}

export function unguardFormula(value: string): string {
  return value.startsWith("'") && formula.test(value) ? value.slice(1) : value
}
