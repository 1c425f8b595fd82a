import { z } from 'zod'
import { newTask } from '../tasks/index.ts'
import type { NewTask, Task } from '../tasks/index.ts'
import { csvLine, csvRows, unguardFormula } from './csv.ts'

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

/** A file in pieces: what comes first, a piece for some tasks, and what comes last. */
export interface Writer {
  head: string
  piece: (tasks: readonly Task[], isFirst: boolean) => string
  tail: string
}

export function writerOf(format: Format): Writer {
  if (format === 'csv')
    return { head: csvLine(csvColumns), piece: (tasks) => tasks.map(csvTask).join(''), tail: '' }
  return {
    head: '[',
    piece: (tasks, isFirst) =>
      (isFirst ? '\n' : ',\n') + tasks.map((task) => JSON.stringify(task)).join(',\n'),
    tail: '\n]\n',
  }
}

function csvTask(task: Task): string {
  return csvLine([
    task.id,
    task.title,
    task.description ?? '',
    task.status,
    task.priority,
    task.dueAt ?? '',
    task.tags.length === 0 ? '' : JSON.stringify(task.tags),
    task.createdAt,
    task.updatedAt,
  ])
}

/** A row of an import is a new task; what an export has besides is passed over, so that an export can be imported. */
const importedTask = newTask.extend({
  id: z.unknown().optional(),
  createdAt: z.unknown().optional(),
  updatedAt: z.unknown().optional(),
})

export type ParsedRow = { task: NewTask } | { message: string }

/** One row after the other, checked. Throws an `Error` of one sentence for a file that has no rows at all to speak of. */
export function* readRows(format: Format, body: string): Generator<ParsedRow> {
  for (const value of format === 'csv' ? csvRecords(body) : jsonRecords(body)) yield checked(value)
}

function checked(value: unknown): ParsedRow {
  const result = importedTask.safeParse(value)
  if (result.success) {
    const { id: _id, createdAt: _createdAt, updatedAt: _updatedAt, ...task } = result.data
    return { task }
  }
  const [issue] = result.error.issues
  const at = issue?.path.map(String).join('.') ?? ''
  return { message: `${at === '' ? 'row' : at}: ${issue?.message ?? 'not valid'}`.slice(0, 200) }
}

function* jsonRecords(body: string): Generator {
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

function* csvRecords(body: string): Generator {
  const rows = csvRows(body)
  const header = rows.next()
  if (header.done === true) throw new Error('found nothing, expected a first line with column names')
  const columns = header.value.map((name) =>
    csvColumns.find((column) => column.toLowerCase() === name.trim().toLowerCase()),
  )
  const unknown = header.value.find((_name, index) => columns[index] === undefined)
  if (unknown !== undefined)
    throw new Error(
      `column ${JSON.stringify(unknown.slice(0, 50))} is not known, expected ${csvColumns.join(', ')}`,
    )
  if (!columns.includes('title')) throw new Error('column title is missing')
  for (const row of rows) yield row.length === columns.length ? csvRecord(columns, row) : undefined
}

function csvRecord(
  columns: readonly (string | undefined)[],
  row: readonly string[],
): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (const [index, column] of columns.entries()) {
    const value = unguardFormula(row[index] ?? '')
    if (column === undefined || (value === '' && column !== 'title')) continue
    record[column] = column === 'tags' ? tagsOf(value) : value
  }
  return record
}

/** As exported, a JSON array; as people write them, separated by semicolons. */
function tagsOf(value: string): unknown {
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
