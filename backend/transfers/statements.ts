import { and, asc, eq, lt, sql } from '../db/drizzle.ts'
import { schema, statement } from '../db/index.ts'
import type { Statement } from '../db/index.ts'

const { taskExports, exportChunks, taskImports, idempotencyKeys, rateLimits, loginFailures, sessions } =
  schema
const p = sql.placeholder

export interface TransferRow {
  id: string
  userId: string
  format: string
  status: 'queued' | 'running' | 'done' | 'failed'
  rows: number
  createdAt: string
  finishedAt: string | null
}

const exportColumns = {
  id: taskExports.id,
  userId: taskExports.userId,
  format: taskExports.format,
  status: taskExports.status,
  rows: taskExports.rows,
  createdAt: taskExports.createdAt,
  finishedAt: taskExports.finishedAt,
}

const importColumns = {
  id: taskImports.id,
  userId: taskImports.userId,
  format: taskImports.format,
  status: taskImports.status,
  rows: taskImports.rows,
  failures: taskImports.failures,
  createdAt: taskImports.createdAt,
  finishedAt: taskImports.finishedAt,
}

export type ImportRow = TransferRow & { failures: { row: number; message: string }[] }

export const insertExport = statement<{ id: string }>('exports.insert', (db) =>
  db
    .insert(taskExports)
    .values({ id: p('id'), userId: p('userId'), format: p('format'), status: 'queued', createdAt: p('now') })
    .returning({ id: taskExports.id })
    .prepare('exports_insert'),
)

export const exportById = statement<TransferRow>('exports.by_id', (db) =>
  db
    .select(exportColumns)
    .from(taskExports)
    .where(eq(taskExports.id, p('id')))
    .prepare('exports_by_id'),
)

export const startExport = statement<TransferRow>('exports.start', (db) =>
  db
    .update(taskExports)
    .set({ status: 'running', rows: 0 })
    .where(and(eq(taskExports.id, p('id')), sql`${taskExports.status} in ('queued', 'running')`))
    .returning(exportColumns)
    .prepare('exports_start'),
)

export const clearChunks = statement<{ sequence: number }>('export_chunks.clear', (db) =>
  db
    .delete(exportChunks)
    .where(eq(exportChunks.exportId, p('id')))
    .returning({ sequence: exportChunks.sequence })
    .prepare('export_chunks_clear'),
)

export const insertChunk = statement<{ sequence: number }>('export_chunks.insert', (db) =>
  db
    .insert(exportChunks)
    .values({ exportId: p('id'), sequence: p('sequence'), content: p('content') })
    .returning({ sequence: exportChunks.sequence })
    .prepare('export_chunks_insert'),
)

export const finishExport = statement<{ id: string }>('exports.finish', (db) =>
  db
    .update(taskExports)
    .set({ status: 'done', rows: sql`${p('rows')}::int`, finishedAt: sql`${p('now')}::timestamptz` })
    .where(eq(taskExports.id, p('id')))
    .returning({ id: taskExports.id })
    .prepare('exports_finish'),
)

/** Ends an export for which no further try will be made. */
export const failExport = statement<{ id: string }>('exports.fail', (db) =>
  db
    .update(taskExports)
    .set({ status: 'failed', rows: 0, finishedAt: sql`${p('now')}::timestamptz` })
    .where(and(eq(taskExports.id, p('id')), sql`${taskExports.status} in ('queued', 'running')`))
    .returning({ id: taskExports.id })
    .prepare('exports_fail'),
)

export const readChunk = statement<{ content: string }>('export_chunks.read', (db) =>
  db
    .select({ content: exportChunks.content })
    .from(exportChunks)
    .where(and(eq(exportChunks.exportId, p('id')), eq(exportChunks.sequence, p('sequence'))))
    .orderBy(asc(exportChunks.sequence))
    .prepare('export_chunks_read'),
)

export const insertImport = statement<{ id: string }>('imports.insert', (db) =>
  db
    .insert(taskImports)
    .values({
      id: p('id'),
      userId: p('userId'),
      format: p('format'),
      status: 'queued',
      failures: [],
      body: p('body'),
      createdAt: p('now'),
    })
    .returning({ id: taskImports.id })
    .prepare('imports_insert'),
)

export const importById = statement<ImportRow>('imports.by_id', (db) =>
  db
    .select(importColumns)
    .from(taskImports)
    .where(eq(taskImports.id, p('id')))
    .prepare('imports_by_id'),
)

export const startImport = statement<{ userId: string; format: string; body: string }>(
  'imports.start',
  (db) =>
    db
      .update(taskImports)
      .set({ status: 'running' })
      .where(and(eq(taskImports.id, p('id')), sql`${taskImports.status} in ('queued', 'running')`))
      .returning({ userId: taskImports.userId, format: taskImports.format, body: taskImports.body })
      .prepare('imports_start'),
)

/** Marks an import as over; nothing comes back when it already was, and then nothing of it may be applied again. */
export const finishImport = statement<{ id: string }>('imports.finish', (db) =>
  db
    .update(taskImports)
    .set({
      status: sql`${p('status')}::job_status`,
      rows: sql`${p('rows')}::int`,
      failures: sql`${p('failures')}::jsonb`,
      body: '',
      finishedAt: sql`${p('now')}::timestamptz`,
    })
    .where(and(eq(taskImports.id, p('id')), eq(taskImports.status, 'running')))
    .returning({ id: taskImports.id })
    .prepare('imports_finish'),
)

/** What has served its time. `before`: a day ago, `now`: now. */
export const expired: readonly Statement<object>[] = [
  statement('expire.idempotency_keys', (db) =>
    db
      .delete(idempotencyKeys)
      .where(lt(idempotencyKeys.createdAt, p('before')))
      .returning({ key: idempotencyKeys.key })
      .prepare('expire_idempotency_keys'),
  ),
  statement('expire.exports', (db) =>
    db
      .delete(taskExports)
      .where(lt(taskExports.createdAt, p('before')))
      .returning({ id: taskExports.id })
      .prepare('expire_exports'),
  ),
  statement('expire.imports', (db) =>
    db
      .delete(taskImports)
      .where(lt(taskImports.createdAt, p('before')))
      .returning({ id: taskImports.id })
      .prepare('expire_imports'),
  ),
  statement('expire.rate_limits', (db) =>
    db
      .delete(rateLimits)
      .where(lt(rateLimits.windowEndsAt, p('now')))
      .returning({ key: rateLimits.key })
      .prepare('expire_rate_limits'),
  ),
  statement('expire.sessions', (db) =>
    db
      .delete(sessions)
      .where(lt(sessions.expiresAt, p('now')))
      .returning({ id: sessions.id })
      .prepare('expire_sessions'),
  ),
  statement('expire.login_failures', (db) =>
    db
      .delete(loginFailures)
      .where(
        and(
          lt(loginFailures.windowEndsAt, p('now')),
          sql`coalesce(${loginFailures.lockedUntil}, ${loginFailures.windowEndsAt}) < ${p('now')}::timestamptz`,
        ),
      )
      .returning({ failures: loginFailures.failures })
      .prepare('expire_login_failures'),
  ),
]
