import { z } from 'zod'
import { listInvalidFields } from '../http/index.ts'
import { newTask } from '../tasks/index.ts'
import type { NewTask, Task } from '../tasks/index.ts'
import { formatCsvRows, readCsvRows, unguardFormula } from './csv.ts'

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

/** Formats a file in pieces: the start, one piece for each page of tasks, and the end. */
export interface Writer {
  head: string
  piece: (tasks: readonly Task[], isFirst: boolean) => string
  tail: string
}

export function createWriter(format: Format): Writer {
  if (format === 'csv')
    return {
      head: formatCsvRows([csvColumns]),
      piece: (tasks) => formatCsvRows(tasks.map(toCsvFields)),
      tail: '',
    }
  return {
    head: '[',
    piece: (tasks, isFirst) =>
      (isFirst ? '\n' : ',\n') + tasks.map((task) => JSON.stringify(task)).join(',\n'),
    tail: '\n]\n',
  }
}

function toCsvFields(task: Task): string[] {
  return [
    task.id,
    task.title,
    task.description ?? '',
    task.status,
    task.priority,
    task.dueAt ?? '',
    task.tags.length === 0 ? '' : JSON.stringify(task.tags),
    task.createdAt,
    task.updatedAt,
  ]
}

/**
 * A row of an import is a new task. The other fields of an export are ignored, so that an export can be
 * imported.
 */
const importedTask = newTask.extend({
  id: z.unknown().optional(),
  createdAt: z.unknown().optional(),
  updatedAt: z.unknown().optional(),
})

export type ParsedRow = { task: NewTask } | { message: string }

/** Yields each row, checked. Throws an `Error` of one sentence for a file that cannot be read. */
export async function* readRows(format: Format, body: string): AsyncGenerator<ParsedRow> {
  for await (const value of format === 'csv' ? readCsvRecords(body) : readJsonRecords(body))
    yield checkRow(value)
}

function checkRow(value: unknown): ParsedRow {
  const result = importedTask.safeParse(value)
  if (result.success) {
    const { id: _id, createdAt: _createdAt, updatedAt: _updatedAt, ...task } = result.data
    return { task }
  }
  const [field] = listInvalidFields('row', result.error)
  const at = field?.at.replace(/^row\./, '') ?? 'row'
  return { message: `${at}: ${field?.message ?? 'not valid'}`.slice(0, 200) }
}

function* readJsonRecords(body: string): Generator {
  const parsed = parseJson(body)
  if (!Array.isArray(parsed)) throw new Error('found no array, expected an array of tasks')
  yield* parsed as unknown[]
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch {
    throw new Error('not JSON')
  }
}

async function* readCsvRecords(body: string): AsyncGenerator {
  const rows = readCsvRows(body)
  const header = await rows.next()
  if (header.done === true) throw new Error('the file is empty, expected a first line with column names')
  const columns = header.value.map((name) =>
    csvColumns.find((column) => column.toLowerCase() === name.trim().toLowerCase()),
  )
  const unknown = header.value.find((_name, index) => columns[index] === undefined)
  if (unknown !== undefined)
    throw new Error(
      `column ${JSON.stringify(unknown.slice(0, 50))} is unknown, expected ${csvColumns.join(', ')}`,
    )
  if (!columns.includes('title')) throw new Error('column title is missing')
  for await (const row of rows) yield row.length === columns.length ? toRecord(columns, row) : undefined
}

function toRecord(columns: readonly (string | undefined)[], row: readonly string[]): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (const [index, column] of columns.entries()) {
    const value = unguardFormula(row[index] ?? '')
    if (column === undefined || (value === '' && column !== 'title')) continue
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
