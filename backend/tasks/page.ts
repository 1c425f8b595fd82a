import { z } from 'zod'
import { and, asc, desc, eq, sql } from '../db/drizzle.ts'
import type { SQL } from '../db/drizzle.ts'
import { defineDecodedStatement, schema } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { Problem, textSchema } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import { priorities, toSortField, sortOrders } from './model.ts'
import type { SortField, SortOrder, Task, TaskQuery } from './model.ts'
import { taskColumns } from './statements.ts'

const { tasks, isoInstant } = schema
const p = sql.placeholder

/** What PostgreSQL accepts as the value in a cursor. */
const time = z.iso.datetime().refine((value) => !value.startsWith('0000'))
// Collation "C" never changes, so cursors remain valid after an upgrade of the system's locales.
const sortKeys: Readonly<Record<SortField, { key: SQL; value: z.ZodType<string> }>> = {
  createdAt: { key: sql`${tasks.createdAt}`, value: time },
  updatedAt: { key: sql`${tasks.updatedAt}`, value: time },
  dueAt: { key: sql`coalesce(${tasks.dueAt}, 'infinity')`, value: time.or(z.literal('infinity')) },
  priority: { key: sql`${tasks.priority}`, value: z.enum(priorities) },
  title: { key: sql`${tasks.title} collate "C"`, value: textSchema(1, 200) },
}

/** The end of a page: the value of its sort order, and the id, which breaks ties. */
const position = z.tuple([z.enum(sortOrders), z.string(), z.uuid()])

function encodeCursor(sort: SortOrder, last: Task): string {
  const end: z.infer<typeof position> = [sort, last[toSortField(sort)] ?? 'infinity', last.id]
  return Buffer.from(JSON.stringify(end)).toString('base64url')
}

/** Throws a `Problem` for an invalid cursor or one of another sort order. */
function decodeCursor(cursor: string, sort: SortOrder): { value: string; id: string } {
  try {
    const [madeFor, value, id] = position.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
    if (madeFor === sort) return { value: sortKeys[toSortField(sort)].value.parse(value), id }
  } catch {
    // Not a cursor of this service.
  }
  const message = `expected the nextCursor of an earlier page with sort=${sort}`
  throw new Problem('invalid', {
    detail: 'The query is not as described',
    errors: [{ at: 'query.cursor', message }],
  })
}

const filters = ['status', 'priority', 'pattern', 'after'] as const
type Filter = (typeof filters)[number]

const pages = new Map<string, ReturnType<typeof buildPage>>()

/**
 * Returns the statement for a page: each order with its set of filters is a separate one, prepared once.
 * Values: `userId`, `limit`, those of the filters, and `value` and `id` for `after`.
 */
export function pageStatement(sort: SortOrder, used: readonly Filter[]): ReturnType<typeof buildPage> {
  const variant = ` ${[sort, ...used].join(' ')}`
  const known = pages.get(variant)
  if (known !== undefined) return known
  const made = buildPage(sort, used, variant)
  pages.set(variant, made)
  return made
}

function buildPage(sort: SortOrder, used: readonly Filter[], variant: string) {
  const isDescending = sort.startsWith('-')
  const order = isDescending ? desc : asc
  const { key } = sortKeys[toSortField(sort)]
  const conditions: Readonly<Record<Filter, SQL>> = {
    status: eq(tasks.status, p('status')),
    priority: eq(tasks.priority, p('priority')),
    pattern: sql`(${tasks.title} ilike ${p('pattern')} or ${tasks.description} ilike ${p('pattern')})`,
    after: sql`(${key}, ${tasks.id}) ${sql.raw(isDescending ? '<' : '>')} (${p('value')}, ${p('id')})`,
  }
  return defineDecodedStatement(
    'tasks.page',
    (db) =>
      db
        .select(taskColumns)
        .from(tasks)
        .where(and(eq(tasks.userId, p('userId')), ...used.map((filter) => conditions[filter])))
        .orderBy(order(key), order(tasks.id))
        .limit(p('limit')),
    decodeTask,
    variant,
  )
}

type Columns = [
  ...[id: string, title: string, description: string | null, status: Task['status']],
  ...[priority: Task['priority'], dueAt: string | null, tags: string[], createdAt: string, updatedAt: string],
]

/** Maps a row of `taskColumns`, in their order. */
function decodeTask([id, title, description, status, priority, due, tags, created, updated]: Columns): Task {
  const dueAt = due === null ? null : isoInstant(due)
  const times = { createdAt: isoInstant(created), updatedAt: isoInstant(updated) }
  return { id, title, description, status, priority, dueAt, tags, ...times }
}

export interface Page {
  items: Task[]
  nextCursor: string | null
}

export async function readPage(
  database: Database,
  scope: Scope,
  { userId }: Principal,
  { sort, limit, status, priority, q, cursor }: TaskQuery,
): Promise<Page> {
  const pattern = q === undefined ? undefined : toLikePattern(q)
  const after = cursor === undefined ? undefined : decodeCursor(cursor, sort)
  const given = { status, priority, pattern, after }
  const statement = pageStatement(
    sort,
    filters.filter((filter) => given[filter] !== undefined),
  )
  // One row more than the page shows whether another page follows.
  const values = { userId, limit: limit + 1, ...given, ...after }
  const rows = await database.run(scope, statement, values)
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return { items, nextCursor: last === undefined ? null : encodeCursor(sort, last) }
}

// Escapes `%` and `_` in the searched text.
function toLikePattern(q: string): string {
  return `%${q.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}
