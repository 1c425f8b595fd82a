import { createHash } from 'node:crypto'
import { and, eq, getTableColumns, sql } from '../db/drizzle.ts'
import { defineStatement, schema } from '../db/index.ts'
import type { Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Task } from './model.ts'

const { tasks, idempotencyKeys } = schema
const p = sql.placeholder

const { userId: _userId, version, ...taskColumns } = getTableColumns(tasks)
/** The columns of a task, and its version, from which the ETag is formatted. */
const columns = { ...taskColumns, version }
export { columns, taskColumns }

export type TaskRow = Task & { version: number }

export const taskById = defineStatement('tasks.by_id', (db) =>
  db
    .select({ ...columns, userId: tasks.userId })
    .from(tasks)
    .where(eq(tasks.id, p('id'))),
)

export const insertTask = defineStatement('tasks.insert', (db) =>
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
)

/** Inserts tasks of one user, and returns them in the same order. */
export async function insertTasks(
  tx: Transaction,
  userId: string,
  rows: readonly Omit<Task, 'id'>[],
): Promise<Task[]> {
  if (rows.length === 0) return []
  const inserted = await tx.query('tasks.insert_many', (db) =>
    db
      .insert(tasks)
      .values(rows.map((row) => ({ ...row, userId })))
      .returning(taskColumns),
  )
  // A connection generates ids in ascending order.
  return inserted.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

/** Throws a `Problem` unless the key, if there is one, has 1 to 255 printable characters. */
export function parseIdempotencyKey(key: string | undefined): string | undefined {
  if (key === undefined || /^[\x21-\x7e]{1,255}$/.test(key)) return key
  const message = 'expected 1 to 255 printable ASCII characters without spaces'
  throw new Problem('invalid', {
    detail: 'Idempotency-Key does not match its description',
    errors: [{ at: 'header.idempotency-key', message }],
  })
}

/**
 * Returns the answer of `work`, which it stores under the key of the user, inside the transaction that does
 * the work. Returns the earlier answer if the same request was answered before, and waits for one in
 * progress. Throws `conflict` if the key was used for another request.
 */
export async function answerOnce(
  tx: Transaction,
  { userId, key }: { userId: string; key: string },
  request: unknown,
  work: () => Promise<string>,
): Promise<{ answer: string; replayed: boolean }> {
  const requestHash = createHash('sha256').update(JSON.stringify(request)).digest('base64url')
  const isKey = and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key))
  const { rowCount } = await tx.query('idempotency_keys.claim', (db) =>
    db.insert(idempotencyKeys).values({ userId, key, requestHash, answer: '' }).onConflictDoNothing(),
  )
  if (rowCount === 1) {
    const answer = await work()
    await tx.query('idempotency_keys.answer', (db) => db.update(idempotencyKeys).set({ answer }).where(isKey))
    return { answer, replayed: false }
  }
  const [earlier] = await tx.query('idempotency_keys.read', (db) =>
    db.select().from(idempotencyKeys).where(isKey),
  )
  if (earlier?.requestHash === requestHash) return { answer: earlier.answer, replayed: true }
  throw new Problem('conflict', { detail: 'This Idempotency-Key was used for another request' })
}
