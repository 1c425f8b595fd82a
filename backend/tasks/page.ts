import { z } from 'zod'
import { and, asc, desc, eq, sql } from '../db/drizzle.ts'
import type { SQL } from '../db/drizzle.ts'
import { defineDecodedStatement, schema } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import { priorities, toSortField, toTask, sortOrders } from './model.ts'
import type { SortField, SortOrder, Task, TaskQuery } from './model.ts'
import { columns, decodeTask } from './statements.ts'

const { tasks } = schema
const p = sql.placeholder

/** The end of a page: the value of its sort order, and the id, which breaks ties. */
export interface Position {
  value: string
  id: string
}

const encoded = z.tuple([z.enum(sortOrders), z.string().max(1000), z.uuid()])

function encodeCursor(sort: SortOrder, { value, id }: Position): string {
  return Buffer.from(JSON.stringify([sort, value, id])).toString('base64url')
}

/**
 * Decodes the position in `cursor`. Throws a `Problem` for an invalid cursor or one of another sort order.
 */
function decodeCursor(cursor: string, sort: SortOrder): Position {
  const result = encoded.safeParse(parseCursor(cursor))
  if (!result.success) throw cursorProblem('expected the nextCursor of an earlier page')
  const [madeFor, value, id] = result.data
  if (madeFor !== sort) throw cursorProblem(`made for sort=${madeFor}, expected one for sort=${sort}`)
  if (!isValidPosition(sort, value)) throw cursorProblem('expected the nextCursor of an earlier page')
  return { value, id }
}

function parseCursor(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown
  } catch {
    return undefined
  }
}

// The query casts the value, so what PostgreSQL would refuse is refused here.
function isValidPosition(sort: SortOrder, value: string): boolean {
  const by = toSortField(sort)
  if (by === 'title') return !value.includes('\0') && value.isWellFormed()
  if (by === 'priority') return priorities.some((priority) => priority === value)
  return (
    (by === 'dueAt' && value === 'infinity') ||
    (z.iso.datetime().safeParse(value).success && !value.startsWith('0000'))
  )
}

function cursorProblem(message: string): Problem {
  return new Problem('invalid', {
    detail: 'The query does not match its description',
    errors: [{ at: 'query.cursor', message }],
  })
}

/** The shape of a page without its values. Each combination is a separate statement, prepared once. */
export interface PageShape {
  sort: SortOrder
  status: boolean
  priority: boolean
  search: boolean
  after: boolean
}

// Collation "C" never changes, so cursors remain valid after an upgrade of the system's locales.
const sortKeys: Readonly<Record<SortField, { key: SQL; cast: string }>> = {
  createdAt: { key: sql`${tasks.createdAt}`, cast: 'timestamptz' },
  updatedAt: { key: sql`${tasks.updatedAt}`, cast: 'timestamptz' },
  dueAt: { key: sql`coalesce(${tasks.dueAt}, 'infinity')`, cast: 'timestamptz' },
  priority: { key: sql`${tasks.priority}`, cast: 'task_priority' },
  title: { key: sql`${tasks.title} collate "C"`, cast: 'text' },
}

const pages = new Map<string, ReturnType<typeof buildPage>>()

/**
 * Returns the statement for a page. Values: `userId`, `limit`, and `status`, `priority`, `pattern`, `value`
 * and `id` according to the shape.
 */
export function pageStatement(shape: PageShape): ReturnType<typeof buildPage> {
  const variant = Object.values(shape).join(' ')
  const known = pages.get(variant)
  if (known !== undefined) return known
  const made = buildPage(shape, ` ${variant}`)
  pages.set(variant, made)
  return made
}

function buildPage(shape: PageShape, variant: string) {
  const isDescending = shape.sort.startsWith('-')
  const order = isDescending ? desc : asc
  const { key, cast } = sortKeys[toSortField(shape.sort)]
  const position = sql`(${p('value')}::${sql.raw(cast)}, ${p('id')}::uuid)`
  const beyond = sql`(${key}, ${tasks.id}) ${sql.raw(isDescending ? '<' : '>')} ${position}`
  const search = sql`(${tasks.title} ilike ${p('pattern')} or ${tasks.description} ilike ${p('pattern')})`
  return defineDecodedStatement(
    'tasks.page',
    (db) =>
      db
        .select(columns)
        .from(tasks)
        .where(
          and(
            eq(tasks.userId, p('userId')),
            shape.status ? eq(tasks.status, p('status')) : undefined,
            shape.priority ? eq(tasks.priority, p('priority')) : undefined,
            shape.search ? search : undefined,
            shape.after ? beyond : undefined,
          ),
        )
        .orderBy(order(key), order(tasks.id))
        .limit(p('limit')),
    decodeTask,
    variant,
  )
}

export interface Page {
  items: Task[]
  nextCursor: string | null
}

/** Reads a page of the caller's tasks. */
export async function readPage(
  database: Database,
  scope: Scope,
  { userId }: Principal,
  { sort, limit, status, priority, q, cursor }: TaskQuery,
): Promise<Page> {
  const shape = {
    sort,
    status: status !== undefined,
    priority: priority !== undefined,
    search: q !== undefined,
    after: cursor !== undefined,
  }
  const position = cursor === undefined ? undefined : decodeCursor(cursor, sort)
  const values = {
    userId,
    limit: limit + 1,
    status,
    priority,
    pattern: q === undefined ? undefined : toLikePattern(q),
    value: position?.value,
    id: position?.id,
  }
  // One row more than the page shows whether another page follows.
  const rows = await database.run(scope, pageStatement(shape), values)
  const items = rows.slice(0, limit).map(toTask)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items,
    nextCursor:
      last === undefined ? null : encodeCursor(sort, { value: readSortValue(last, sort), id: last.id }),
  }
}

// Escapes `%` and `_` in the searched text.
function toLikePattern(q: string): string {
  return `%${q.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}

function readSortValue(task: Task, sort: SortOrder): string {
  return task[toSortField(sort)] ?? 'infinity'
}
