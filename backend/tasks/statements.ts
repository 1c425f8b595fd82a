import { and, eq, sql } from '../db/drizzle.ts'
import { schema, defineStatement } from '../db/index.ts'
import type { Transaction } from '../db/index.ts'
import type { Task } from './model.ts'
import { createHash } from 'node:crypto'
import { Problem } from '../http/index.ts'

const { tasks, idempotencyKeys } = schema
const p = sql.placeholder

export type TaskRow = Task & { version: number }

export const columns = {
  id: tasks.id,
  title: tasks.title,
  description: tasks.description,
  status: tasks.status,
  priority: tasks.priority,
  dueAt: tasks.dueAt,
  tags: tasks.tags,
  createdAt: tasks.createdAt,
  updatedAt: tasks.updatedAt,
  version: tasks.version,
}

/** Counts the tasks of other users among `ids`, a JSON array. */
export const foreignTasks = defineStatement('tasks.foreign', (db) =>
  db
    .select({ count: sql<number>`count(*)::int` })
    .from(tasks)
    .where(
      sql`${tasks.id} in (select value::uuid from json_array_elements_text(${p('ids')}::json))
        and ${tasks.userId} <> ${p('userId')}::uuid`,
    ),
)

export const taskById = defineStatement('tasks.by_id', (db) =>
  db
    .select({ ...columns, userId: tasks.userId })
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
    createdAt: p('now'),
    updatedAt: p('now'),
  }),
)

/** Writes all fields; the caller has merged the patch. Returns no row if `version` is outdated. */
export const updateTask = defineStatement('tasks.update', (db) =>
  db
    .update(tasks)
    .set({
      title: sql`${sql.param(p('title'), tasks.title)}`,
      description: sql`${sql.param(p('description'), tasks.description)}`,
      status: sql`${sql.param(p('status'), tasks.status)}`,
      priority: sql`${sql.param(p('priority'), tasks.priority)}`,
      dueAt: sql`${sql.param(p('dueAt'), tasks.dueAt)}`,
      tags: sql`${sql.param(p('tags'), tasks.tags)}`,
      updatedAt: sql`greatest(${p('now')}::timestamptz, ${tasks.updatedAt})`,
      version: sql`${tasks.version} + 1`,
    })
    .where(and(eq(tasks.id, p('id')), eq(tasks.userId, p('userId')), eq(tasks.version, p('version'))))
    .returning(columns),
)

/** Locks a task until the transaction ends. */
export const lockTask = defineStatement('tasks.lock', (db) =>
  db
    .select(columns)
    .from(tasks)
    .where(and(eq(tasks.id, p('id')), eq(tasks.userId, p('userId'))))
    .for('update'),
)

/** Deletes a task of the user; only at `version`, unless that is null. */
export const deleteTask = defineStatement('tasks.delete', (db) =>
  db
    .delete(tasks)
    .where(
      and(
        eq(tasks.id, p('id')),
        eq(tasks.userId, p('userId')),
        sql`(${p('version')}::int is null or ${tasks.version} = ${p('version')}::int)`,
      ),
    )
    .returning({ id: tasks.id }),
)

const claimKey = defineStatement('idempotency_keys.claim', (db) =>
  db
    .insert(idempotencyKeys)
    .values({
      userId: p('userId'),
      key: p('key'),
      requestHash: p('requestHash'),
      answer: p('answer'),
      createdAt: p('now'),
    })
    .onConflictDoNothing()
    .returning({ key: idempotencyKeys.key }),
)

const readKey = defineStatement('idempotency_keys.read', (db) =>
  db
    .select({ requestHash: idempotencyKeys.requestHash, answer: idempotencyKeys.answer })
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.userId, p('userId')), eq(idempotencyKeys.key, p('key')))),
)

/**
 * Returns the key of a request, or `undefined` without one. Throws a `Problem` unless it has 1 to 255
 * printable characters.
 */
export function parseIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header
  throw new Problem('invalid', {
    detail: 'Idempotency-Key does not match its description',
    errors: [
      {
        at: 'header.idempotency-key',
        message: 'expected 1 to 255 printable ASCII characters without spaces',
      },
    ],
  })
}

/**
 * Claims `key` for `answer`, inside the transaction that does the work. Returns the earlier answer if the
 * same request was answered before, and waits for one in progress; returns `undefined` for the first request.
 * Throws `conflict` if the key was used for another request.
 */
export async function claimIdempotencyKey(
  tx: Transaction,
  userId: string,
  key: string,
  request: unknown,
  answer: string,
  now: string,
): Promise<string | undefined> {
  const requestHash = createHash('sha256').update(JSON.stringify(request)).digest('base64url')
  const claimed = await tx.run(claimKey, { userId, key, requestHash, answer, now })
  if (claimed.length > 0) return undefined
  const [earlier] = await tx.run(readKey, { userId, key })
  if (earlier?.requestHash === requestHash) return earlier.answer
  throw new Problem('conflict', { detail: 'This Idempotency-Key was used for another request' })
}
