import { createHash } from 'node:crypto'
import { and, eq, getTableColumns, sql } from '../db/drizzle.ts'
import { schema, defineStatement } from '../db/index.ts'
import type { Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'

const { tasks, idempotencyKeys } = schema
const p = sql.placeholder

const { userId: _userId, ...columns } = getTableColumns(tasks)
export { columns }

export type TaskRow = Omit<typeof tasks.$inferSelect, 'userId'>

export const taskById = defineStatement('tasks.by_id', (db) =>
  db
    .select()
    .from(tasks)
    .where(eq(tasks.id, p('id'))),
)

export const insertTask = defineStatement('tasks.insert', (db) =>
  db.insert(tasks).values({
    id: p('id'),
    userId: p('userId'),
    title: p('title'),
    description: p('description'),
    status: p('status'),
    priority: p('priority'),
    dueAt: p('dueAt'),
    tags: p('tags'),
    createdAt: p('createdAt'),
    updatedAt: p('updatedAt'),
  }),
)

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
 * Claims `key` for `answer`, inside the transaction that does the work. Returns the earlier answer if the
 * same request was answered before, and waits for one in progress; returns `undefined` for the first request.
 * Throws `conflict` if the key was used for another request.
 */
export async function claimIdempotencyKey(
  tx: Transaction,
  { userId, key }: { userId: string; key: string },
  request: unknown,
  answer: string,
): Promise<string | undefined> {
  const requestHash = createHash('sha256').update(JSON.stringify(request)).digest('base64url')
  const { rowCount } = await tx.query('idempotency_keys.claim', (db) =>
    db.insert(idempotencyKeys).values({ userId, key, requestHash, answer }).onConflictDoNothing(),
  )
  if (rowCount === 1) return undefined
  const [earlier] = await tx.query('idempotency_keys.read', (db) =>
    db
      .select()
      .from(idempotencyKeys)
      .where(and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key))),
  )
  if (earlier?.requestHash === requestHash) return earlier.answer
  throw new Problem('conflict', { detail: 'This Idempotency-Key was used for another request' })
}
