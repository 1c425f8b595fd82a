import { z } from 'zod'
import { inArray, sql } from '../db/drizzle.ts'
import { schema, statement } from '../db/index.ts'
import type { Statement, Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Flaw } from '../http/index.ts'
import { newTask, taskPatch, inUtc, newTaskOf, taskOf } from './model.ts'
import type { Task } from './model.ts'
import { columns } from './statements.ts'
import type { TaskRow } from './statements.ts'

const { tasks } = schema
const p = sql.placeholder

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
    for (const [at, id] of repeatedIds(body.update ?? [], body.delete ?? []))
      context.addIssue({ code: 'custom', path: at, message: `${id} is there twice` })
  })
  .meta({
    description: `At most ${maxItems} items together`,
    minProperties: 1,
    examples: [{ create: [{ title: 'Water the plants' }, { title: 'Buy milk', tags: ['shop'] }] }],
  })

export type BulkBody = z.infer<typeof bulkBody>

export interface BulkResult {
  created: Task[]
  updated: Task[]
  deleted: string[]
}

function* repeatedIds(
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

const recordColumns = sql.raw(
  'id uuid, title text, description text, status task_status, priority task_priority, "dueAt" timestamptz, tags text[], "createdAt" timestamptz, "updatedAt" timestamptz',
)

/** Inserts all of `rows`, a JSON array of complete tasks, for one user. */
export const insertTasks: Statement<{ id: string }> = statement('tasks.insert_many', (db) =>
  db
    .insert(tasks)
    .select(
      sql`select v.id, ${p('userId')}::uuid, v.title, v.description, v.status, v.priority, v."dueAt", v.tags, v."createdAt", v."updatedAt", 1
          from json_to_recordset(${p('rows')}::json) as v(${recordColumns})`,
    )
    .returning({ id: tasks.id })
    .prepare('tasks_insert_many'),
)

const updateTasks: Statement<TaskRow> = statement('tasks.update_many', (db) =>
  db
    .update(tasks)
    .set({
      title: sql`v.title`,
      description: sql`v.description`,
      status: sql`v.status`,
      priority: sql`v.priority`,
      dueAt: sql`v."dueAt"`,
      tags: sql`v.tags`,
      updatedAt: sql`greatest(v."updatedAt", ${tasks.updatedAt})`,
      version: sql`${tasks.version} + 1`,
    })
    .from(sql`json_to_recordset(${p('rows')}::json) as v(${recordColumns})`)
    .where(sql`${tasks.id} = v.id and ${tasks.userId} = ${p('userId')}::uuid`)
    .returning(columns)
    .prepare('tasks_update_many'),
)

/** Does all of `body` or nothing of it. Throws `invalid` with every task that is not there. */
export async function applyBulk(
  tx: Transaction,
  userId: string,
  body: BulkBody,
  nowMs: number,
): Promise<BulkResult> {
  const updates = body.update ?? []
  const removals = body.delete ?? []
  const rows = await lockRows(tx, userId, [...updates.map(({ id }) => id), ...removals])
  requireAll(rows, updates, removals)
  const created = (body.create ?? []).map((task) => newTaskOf(task, nowMs))
  if (created.length > 0) await tx.run(insertTasks, { userId, rows: JSON.stringify(created) })
  const updated = await update(tx, userId, rows, updates, nowMs)
  if (removals.length > 0)
    await tx.query('tasks.delete_many', (db) =>
      db.delete(tasks).where(inArray(tasks.id, removals)).returning({ id: tasks.id }),
    )
  return { created, updated, deleted: removals.map((id) => id.toLowerCase()) }
}

// In order of id: two of these at once wait for each other, and do not lock each other out.
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

function requireAll(
  rows: ReadonlyMap<string, TaskRow>,
  updates: readonly { id: string }[],
  removals: readonly string[],
): void {
  const missing = (part: string, ids: readonly string[], suffix: string): Flaw[] =>
    ids.flatMap((id, index) =>
      rows.has(id.toLowerCase())
        ? []
        : [{ at: `body.${part}.${index}${suffix}`, message: 'there is no such task' }],
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
    throw new Problem('invalid', { detail: 'Some tasks are not there; nothing was changed', errors })
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
    const task = Object.assign(taskOf(row), patch, { updatedAt })
    return [Object.assign(task, { dueAt: inUtc(task.dueAt) })]
  })
  const changed = new Map(
    (await tx.run(updateTasks, { userId, rows: JSON.stringify(merged) })).map((row) => [row.id, taskOf(row)]),
  )
  return merged.flatMap(({ id }) => changed.get(id) ?? [])
}
