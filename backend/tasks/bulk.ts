import { z } from 'zod'
import { and, eq, inArray, sql } from '../db/drizzle.ts'
import { schema } from '../db/index.ts'
import type { Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import { newTask, taskPatch, buildTask } from './model.ts'
import type { Task } from './model.ts'
import { insertTasks, taskColumns } from './statements.ts'

const { tasks } = schema

const maxItems = 500
const taskId = z.uuid().toLowerCase()

export const bulkBody = z
  .strictObject({
    create: z.array(newTask).max(maxItems).default([]),
    update: z
      .array(taskPatch.extend({ id: taskId }))
      .max(maxItems)
      .default([]),
    delete: z.array(taskId).max(maxItems).default([]),
  })
  .superRefine((body, context) => {
    const targets = listTargets(body)
    const items = body.create.length + targets.length
    if (items === 0) context.addIssue({ code: 'custom', message: 'expected at least one item' })
    if (items > maxItems)
      context.addIssue({ code: 'custom', message: `found ${items} items, expected at most ${maxItems}` })
    const seen = new Set<string>()
    for (const { id, path } of targets) {
      if (seen.has(id)) context.addIssue({ code: 'custom', path, message: `${id} is repeated` })
      seen.add(id)
    }
  })
  .meta({
    description: `At most ${maxItems} items in total`,
    minProperties: 1,
    examples: [{ create: [{ title: 'Water the plants' }, { title: 'Buy milk', tags: ['shop'] }] }],
  })

export type BulkBody = z.infer<typeof bulkBody>

export interface BulkResult {
  created: Task[]
  updated: Task[]
  deleted: string[]
}

/** Lists the ids of existing tasks in `body`, with their places. */
export function listTargets(
  body: Pick<BulkBody, 'update' | 'delete'>,
): { id: string; path: (string | number)[] }[] {
  return [
    ...body.update.map(({ id }, index) => ({ id, path: ['update', index, 'id'] })),
    ...body.delete.map((id, index) => ({ id, path: ['delete', index] })),
  ]
}

/** Applies all of `body` or nothing. Throws `invalid` with every task that does not exist. */
export async function applyBulk(
  tx: Transaction,
  userId: string,
  body: BulkBody,
  nowMs: number,
): Promise<BulkResult> {
  const targets = listTargets(body)
  const ids = targets.map(({ id }) => id)
  const rows = await lockTasks(tx, userId, ids)
  const errors = targets
    .filter(({ id }) => !rows.has(id))
    .map(({ path }) => ({ at: ['body', ...path].join('.'), message: 'the task does not exist' }))
  if (errors.length > 0)
    throw new Problem('invalid', { detail: 'Some tasks do not exist; nothing was changed', errors })
  const fresh = body.create.map((task) => buildTask(task, nowMs))
  const created = await insertTasks(tx, userId, fresh)
  const updatedAt = new Date(nowMs).toISOString()
  const updated = await updateTasks(
    tx,
    body.update.map((patch) => Object.assign({ userId }, rows.get(patch.id), patch, { updatedAt })),
  )
  if (body.delete.length > 0)
    await tx.query('tasks.delete_many', (db) => db.delete(tasks).where(inArray(tasks.id, body.delete)))
  return { created, updated, deleted: body.delete }
}

// In order of id, so that simultaneous operations wait for each other instead of a deadlock.
async function lockTasks(tx: Transaction, userId: string, ids: string[]): Promise<Map<string, Task>> {
  if (ids.length === 0) return new Map()
  const rows = await tx.query('tasks.lock_many', (db) =>
    db
      .select(taskColumns)
      .from(tasks)
      .where(and(inArray(tasks.id, ids), eq(tasks.userId, userId)))
      .orderBy(tasks.id)
      .for('update'),
  )
  return new Map(rows.map((row) => [row.id, row]))
}

/** Updates rows that exist, and are locked, to different values. Returns them in the same order. */
async function updateTasks(tx: Transaction, rows: (typeof tasks.$inferInsert)[]): Promise<Task[]> {
  if (rows.length === 0) return []
  const changed = await tx.query('tasks.update_many', (db) =>
    db
      .insert(tasks)
      .values(rows)
      .onConflictDoUpdate({
        target: tasks.id,
        set: {
          title: sql`excluded.title`,
          description: sql`excluded.description`,
          status: sql`excluded.status`,
          priority: sql`excluded.priority`,
          dueAt: sql`excluded.due_at`,
          tags: sql`excluded.tags`,
          updatedAt: sql`greatest(excluded.updated_at, ${tasks.updatedAt})`,
          version: sql`${tasks.version} + 1`,
        },
      })
      .returning(taskColumns),
  )
  const byId = new Map(changed.map((task) => [task.id, task]))
  return rows.flatMap(({ id = '' }) => byId.get(id) ?? [])
}
