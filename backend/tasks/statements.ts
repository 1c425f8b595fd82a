import { createHash } from 'node:crypto'
import { and, eq, getTableColumns, sql } from '../db/drizzle.ts'
import type { SQL } from '../db/drizzle.ts'
import { defineDecodedStatement, defineStatement, schema } from '../db/index.ts'
import type { Transaction } from '../db/index.ts'
import type { Task } from './model.ts'
import { Problem } from '../http/index.ts'

const { tasks, idempotencyKeys, isoInstant } = schema
const p = sql.placeholder

const { userId: _userId, ...columns } = getTableColumns(tasks)
export { columns }

export type TaskRow = Omit<typeof tasks.$inferSelect, 'userId'>

type Columns = [
  ...[id: string, title: string, description: string | null, status: Task['status']],
  ...[priority: Task['priority'], dueAt: string | null, tags: string[], createdAt: string],
  ...[updatedAt: string, version: number],
]

/** Maps a row of `columns`, in their order. */
export function decodeTask(row: Columns): TaskRow {
  const [id, title, description, status, priority, dueAt, tags, createdAt, updatedAt, version] = row
  const times = { createdAt: isoInstant(createdAt), updatedAt: isoInstant(updatedAt) }
  const due = dueAt === null ? null : isoInstant(dueAt)
  return { id, title, description, status, priority, dueAt: due, tags, ...times, version }
}

export const taskById = defineStatement('tasks.by_id', (db) =>
  db
    .select()
    .from(tasks)
    .where(eq(tasks.id, p('id'))),
)

export const insertTask = defineDecodedStatement(
  'tasks.insert',
  (db) =>
    db
      .insert(tasks)
      .values({
        userId: p('userId'),
        title: p('title'),
        description: p('description'),
        status: p('status'),
        priority: p('priority'),
        dueAt: p('dueAt'),
        tags: p('tags'),
        createdAt: p('createdAt'),
        updatedAt: p('updatedAt'),
      })
      .returning(columns),
  decodeTask,
)

/** Inserts tasks of one user, and returns them in the same order. */
export async function insertTasks(
  tx: Transaction,
  userId: string,
  rows: readonly Omit<Task, 'id'>[],
): Promise<TaskRow[]> {
  if (rows.length === 0) return []
  const inserted = await tx.query('tasks.insert_many', (db) =>
    db
      .insert(tasks)
      .values(rows.map((row) => ({ ...row, userId })))
      .returning(columns),
  )
  // A connection generates ids in ascending order.
  return inserted.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

/**
 * Returns the key of a request, or `undefined` without one. Throws a `Problem` unless it has 1 to 255
 * printable characters.
 */
export function parseIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header
  const message = 'expected 1 to 255 printable ASCII characters without spaces'
  throw new Problem('invalid', {
    detail: 'Idempotency-Key does not match its description',
    errors: [{ at: 'header.idempotency-key', message }],
  })
}

/**
 * Claims `key`, inside the transaction that does the work. Returns the earlier answer if the same request was
 * answered before, and waits for one in progress; returns `undefined` for the first request, whose answer is
 * then stored. Throws `conflict` if the key was used for another request.
 */
export async function claimIdempotencyKey(
  tx: Transaction,
  { userId, key }: { userId: string; key: string },
  request: unknown,
): Promise<string | undefined> {
  const requestHash = createHash('sha256').update(JSON.stringify(request)).digest('base64url')
  const { rowCount } = await tx.query('idempotency_keys.claim', (db) =>
    db.insert(idempotencyKeys).values({ userId, key, requestHash, answer: '' }).onConflictDoNothing(),
  )
  if (rowCount === 1) return undefined
  const [earlier] = await tx.query('idempotency_keys.read', (db) =>
    db.select().from(idempotencyKeys).where(isKey(userId, key)),
  )
  if (earlier?.requestHash === requestHash) return earlier.answer
  throw new Problem('conflict', { detail: 'This Idempotency-Key was used for another request' })
}

export async function storeAnswer(
  tx: Transaction,
  { userId, key }: { userId: string; key: string },
  answer: string,
): Promise<void> {
  await tx.query('idempotency_keys.answer', (db) =>
    db.update(idempotencyKeys).set({ answer }).where(isKey(userId, key)),
  )
}

function isKey(userId: string, key: string): SQL | undefined {
  return and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key))
}
