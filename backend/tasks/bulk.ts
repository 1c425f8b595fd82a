import { z } from 'zod'
import { inArray, sql } from '../db/drizzle.ts'
import { schema } from '../db/index.ts'
import type { Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { InvalidField } from '../http/index.ts'
import { newTask, taskPatch, toUtc, buildTask, toTask } from './model.ts'
import type { Task } from './model.ts'
import { columns, insertTasks } from './statements.ts'
import type { TaskRow } from './statements.ts'

const { tasks } = schema

const maxItems = 500

export const bulkBody = z
  .strictObject({
    create: z.array(newTask).max(maxItems).optional(),
    update: z
      .array(taskPatch.extend({ id: z.uuid() }))
      .max(maxItems)
      .optional(),
    delete: z.array(z.uuid()).max(maxItems).optional(),
  })
  .superRefine((body, context) => {
    const items = (body.create?.length ?? 0) + (body.update?.length ?? 0) + (body.delete?.length ?? 0)
    if (items === 0) context.addIssue({ code: 'custom', message: 'expected at least one item' })
    if (items > maxItems)
      context.addIssue({ code: 'custom', message: `found ${items} items, expected at most ${maxItems}` })
    for (const [at, id] of findRepeatedIds(body.update ?? [], body.delete ?? []))
      context.addIssue({ code: 'custom', path: at, message: `${id} is repeated` })
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

function* findRepeatedIds(
  updates: readonly { id: string }[],
  removals: readonly string[],
): Generator<[(string | number)[], string]> {
  const seen = new Set<string>()
  const all = [
    ...updates.map(({ id }, index) => ({ id, at: ['update', index] })),
    ...removals.map((id, index) => ({ id, at: ['delete', index] })),
  ]
  for (const { id, at } of all) {
    if (seen.has(id.toLowerCase())) yield [at, id]
    seen.add(id.toLowerCase())
  }
}

/** Applies all of `body` or nothing. Throws `invalid` with every task that does not exist. */
export async function applyBulk(
  tx: Transaction,
  userId: string,
  body: BulkBody,
  nowMs: number,
): Promise<BulkResult> {
  const updates = body.update ?? []
  const removals = body.delete ?? []
  const rows = await lockRows(tx, userId, [...updates.map(({ id }) => id), ...removals])
  requireExisting(rows, updates, removals)
  const created = await insertTasks(
    tx,
    userId,
    (body.create ?? []).map((task) => buildTask(task, nowMs)),
  )
  const updated = await update(tx, userId, rows, updates, nowMs)
  if (removals.length > 0)
    await tx.query('tasks.delete_many', (db) => db.delete(tasks).where(inArray(tasks.id, removals)))
  return { created: created.map(toTask), updated, deleted: removals.map((id) => id.toLowerCase()) }
}

// In order of id, so that simultaneous operations wait for each other instead of a deadlock.
async function lockRows(
  tx: Transaction,
  userId: string,
  ids: readonly string[],
): Promise<Map<string, TaskRow>> {
  if (ids.length === 0) return new Map()
  const rows = await tx.query('tasks.lock_many', (db) =>
    db
      .select(columns)
      .from(tasks)
      .where(sql`${inArray(tasks.id, [...ids])} and ${tasks.userId} = ${userId}`)
      .orderBy(tasks.id)
      .for('update'),
  )
  return new Map(rows.map((row) => [row.id, row]))
}

function requireExisting(
  rows: ReadonlyMap<string, TaskRow>,
  updates: readonly { id: string }[],
  removals: readonly string[],
): void {
  const missing = (part: string, ids: readonly string[], suffix: string): InvalidField[] =>
    ids.flatMap((id, index) =>
      rows.has(id.toLowerCase())
        ? []
        : [{ at: `body.${part}.${index}${suffix}`, message: 'the task does not exist' }],
    )
  const errors = [
    ...missing(
      'update',
      updates.map(({ id }) => id),
      '.id',
    ),
    ...missing('delete', removals, ''),
  ]
  if (errors.length > 0)
    throw new Problem('invalid', { detail: 'Some tasks do not exist; nothing was changed', errors })
}

async function update(
  tx: Transaction,
  userId: string,
  rows: ReadonlyMap<string, TaskRow>,
  updates: NonNullable<BulkBody['update']>,
  nowMs: number,
): Promise<Task[]> {
  if (updates.length === 0) return []
  const updatedAt = new Date(nowMs).toISOString()
  const merged = updates.flatMap(({ id, ...patch }) => {
    const row = rows.get(id.toLowerCase())
    if (row === undefined) return []
    const task = Object.assign(toTask(row), patch, { updatedAt, userId })
    return [Object.assign(task, { dueAt: toUtc(task.dueAt) })]
  })
  // The rows exist, and are locked: this is an update of many rows to different values.
  const changed = await tx.query('tasks.update_many', (db) =>
    db
      .insert(tasks)
      .values(merged)
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
      .returning(columns),
  )
  const byId = new Map(changed.map((row) => [row.id, toTask(row)]))
  return merged.flatMap(({ id }) => byId.get(id) ?? [])
}
