import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { listInvalidFields, scanJson } from '../http/index.ts'
import { newTask } from '../tasks/index.ts'
import type { NewTask, Task } from '../tasks/index.ts'
import { parse } from 'csv-parse'
import type { CsvError } from 'csv-parse'
import { stringify } from 'csv-stringify/sync'

export const formats = ['json', 'csv'] as const
export type Format = (typeof formats)[number]

export const mediaTypes: Readonly<Record<Format, string>> = { json: 'application/json', csv: 'text/csv' }

const csvColumns = [
  'id',
  'title',
  'description',
  'status',
  'priority',
  'dueAt',
  'tags',
  'createdAt',
  'updatedAt',
] as const

/** Yields the pieces of a file: one for each page of tasks, its start and its end. */
export async function* formatFile(
  format: Format,
  pages: AsyncIterable<readonly Task[]>,
): AsyncGenerator<string> {
  if (format === 'csv') {
    yield formatCsvRows([csvColumns])
    for await (const page of pages) yield formatCsvRows(page, csvColumns)
    return
  }
  yield '['
  let separator = '\n'
  for await (const page of pages) {
    yield separator + page.map((task) => JSON.stringify(task)).join(',\n')
    separator = ',\n'
  }
  yield '\n]\n'
}

/**
 * A row of an import is a new task. The other fields of an export are ignored, so that an export can be
 * imported.
 */
const importedTask = newTask
  .extend({ id: z.unknown(), createdAt: z.unknown(), updatedAt: z.unknown() })
  .partial({ id: true, createdAt: true, updatedAt: true })
  .transform(({ id: _id, createdAt: _createdAt, updatedAt: _updatedAt, ...task }) => task)

export type ParsedRow = { task: NewTask } | { message: string }

/** Yields each row, checked. Throws an `Error` of one sentence for a file that cannot be read. */
export async function* readRows(format: Format, body: string): AsyncGenerator<ParsedRow> {
  if (format === 'json') yield* readJsonRows(body)
  else yield* readCsvRecords(body)
}

function checkRow(value: unknown): ParsedRow {
  const { success, data, error } = importedTask.safeParse(value)
  if (success) return { task: data }
  const [field] = listInvalidFields('row', error.issues)
  const at = field?.at.replace(/^row\./, '') ?? 'row'
  return { message: `${at}: ${field?.message ?? 'not valid'}`.slice(0, 200) }
}

/** A task has 20 tags and 8 other fields. */
const rowLimits = { depth: 32, values: 1000 }

/**
 * Parses the elements of an array one by one, because `JSON.parse` of an entire file would block the event
 * loop for up to 1.2 s.
 */
function* readJsonRows(body: string): Generator<ParsedRow> {
  const tokens = /[ \t\n\r]*(.?)/sy
  const next = (at: number): { token: string; at: number } => {
    tokens.lastIndex = at
    return { token: tokens.exec(body)?.[1] ?? '', at: tokens.lastIndex - 1 }
  }
  let { token, at } = next(0)
  if (token !== '[') throw new Error('found no JSON array, expected an array of tasks')
  if (next(at + 1).token === ']') ({ token, at } = next(at + 1))
  while (token !== ']') {
    const { end, excess } = scanJson(body, at + 1, rowLimits)
    yield excess === undefined ? checkRow(parseJson(body.slice(at + 1, end))) : { message: excess }
    ;({ token, at } = next(end))
    if (token !== ',' && token !== ']') throw new Error('not JSON')
  }
  if (next(at + 1).token !== '') throw new Error('not JSON')
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch {
    throw new Error('not JSON')
  }
}

async function* readCsvRecords(body: string): AsyncGenerator<ParsedRow> {
  const rows = readCsvRows(body)
  const header = await rows.next()
  if (header.done === true) throw new Error('the file is empty, expected a first line with column names')
  const names = trimEmptyEnd(header.value)
  const [first = ''] = names
  if (names.length === 1 && /[;\t]/.test(first))
    throw new Error(
      `columns are separated by ${first.includes(';') ? 'semicolons' : 'tabs'}, expected commas`,
    )
  const columns = names.map((name) =>
    csvColumns.find((column) => column.toLowerCase() === name.trim().toLowerCase()),
  )
  const unknown = names.find((name, index) => name.trim() !== '' && columns[index] === undefined)
  if (unknown !== undefined)
    throw new Error(
      `column ${JSON.stringify(unknown.slice(0, 50))} is unknown, expected ${csvColumns.join(', ')}`,
    )
  if (!columns.includes('title')) throw new Error('column title is missing')
  for await (const row of rows) {
    const fields = trimEmptyEnd(row)
    // Spreadsheets write rows of commas below the last row.
    if (fields.length === 0) continue
    yield row.length < columns.length || fields.length > columns.length
      ? { message: 'found another number of fields than columns' }
      : checkRow(toRecord(columns, fields))
  }
}

/** Removes empty fields at the end, as spreadsheets write them for columns that once had text. */
function trimEmptyEnd(fields: readonly string[]): readonly string[] {
  const last = fields.findLastIndex((field) => field !== '')
  return last === fields.length - 1 ? fields : fields.slice(0, last + 1)
}

function toRecord(columns: readonly (string | undefined)[], row: readonly string[]): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (const [index, column = `column ${index + 1} without a name`] of columns.entries()) {
    const value = unguardFormula(row[index] ?? '')
    if (value === '' && column !== 'title') continue
    record[column] = column === 'tags' ? parseTags(value) : value
  }
  return record
}

/** A JSON array, as in exports, or words separated by semicolons, as people write them. */
function parseTags(value: string): unknown {
  if (!value.startsWith('['))
    return value
      .split(';')
      .map((tag) => tag.trim())
      .filter(Boolean)
  try {
    return JSON.parse(value) as unknown
  } catch {
    return value
  }
}

/** Bytes parsed in one turn of the event loop: a file of 5 MB parsed in one would delay every request. */
const sliceBytes = 16_384

/** The library takes 2 s of one turn for a row of 5 million fields. */
const maxFields = 1000

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
  let failure: Error | undefined
  const parser = parse({
    bom: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    cast: (field, { index }) => {
      if (index >= maxFields) throw new Error(`a row has more than ${maxFields} fields`)
      return field
    },
    // Rows are kept here and not in the stream, which would drop those before an error.
    on_record: (row) => {
      if (row.length > 1 || row[0] !== '') rows.push(row)
      return null
    },
  })
  parser.on('error', (error) => (failure ??= describeError(error)))
  const bytes = Buffer.from(source)
  for (let start = 0; start <= bytes.length; start += sliceBytes) {
    const slice = bytes.subarray(start, start + sliceBytes)
    if (start + sliceBytes > bytes.length) parser.end(slice)
    else parser.write(slice)
    // The parser works within the call, and reports an error before the next turn.
    await setImmediate()
    yield* rows.splice(0)
    if (failure !== undefined) throw failure
  }
}

// The library's own messages quote the file.
function describeError(error: Error | CsvError): Error {
  return 'code' in error ? new Error(messages[error.code] ?? 'not CSV') : error
}

/** Lines of CSV with their line ends, safe to open in a spreadsheet. */
export function formatCsvRows(rows: readonly object[], columns?: readonly string[]): string {
  return stringify([...rows], {
    ...(columns !== undefined && { columns }),
    record_delimiter: 'windows',
    quoted_empty: true,
    quoted_match: /[\r\n]/,
    cast: {
      string: guardFormula,
      object: (tags) => (Object.keys(tags).length === 0 ? '' : JSON.stringify(tags)),
    },
  })
}

// A spreadsheet executes a cell that begins like this. A leading apostrophe makes it text; an existing one is
// doubled, so that reading restores exactly what was written.
const formula = /^'*[=+\-@\t\r]/

function guardFormula(value: string): string {
  return formula.test(value) ? `'${value}` : value
}

export function unguardFormula(value: string): string {
  return value.startsWith("'") && formula.test(value) ? value.slice(1) : value
}
