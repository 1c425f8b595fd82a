import { and, asc, eq, sql } from '../db/drizzle.ts'
import type { SQL } from '../db/drizzle.ts'
import { createBackgroundScope, schema, defineStatement, uuidv7 } from '../db/index.ts'
import type { Database, Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { JobOutcome, JobQueue } from '../jobs.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { pageStatement, toTask } from '../tasks/index.ts'
import { createWriter, formats } from './formats.ts'
import type { Format } from './formats.ts'

export interface TransferRow {
  id: string
  userId: string
  format: string
  status: 'queued' | 'running' | 'done' | 'failed'
  rows: number
  createdAt: string
  finishedAt: string | null
}

export interface ExportDependencies {
  database: Database
  /** Waits briefly for the queue to start. Rejects with `unavailable` if it does not. */
  jobs: () => Promise<JobQueue>
  metrics: Metrics
  events: Events
  now: () => number
}

/** Tasks in one piece of a file. */
const rowsPerPiece = 500
const jobLimitMs = 300_000

const { taskExports, taskImports, exportChunks, users } = schema
const p = sql.placeholder

const exportColumns = {
  id: taskExports.id,
  userId: taskExports.userId,
  format: taskExports.format,
  status: taskExports.status,
  rows: taskExports.rows,
  createdAt: taskExports.createdAt,
  finishedAt: taskExports.finishedAt,
}

const insertExport = defineStatement('exports.insert', (db) =>
  db
    .insert(taskExports)
    .values({ id: p('id'), userId: p('userId'), format: p('format'), status: 'queued', createdAt: p('now') })
    .returning({ id: taskExports.id }),
)

const exportById = defineStatement('exports.by_id', (db) =>
  db
    .select(exportColumns)
    .from(taskExports)
    .where(eq(taskExports.id, p('id'))),
)

const startExport = defineStatement('exports.start', (db) =>
  db
    .update(taskExports)
    .set({ status: 'running', rows: 0 })
    .where(and(eq(taskExports.id, p('id')), sql`${taskExports.status} in ('queued', 'running')`))
    .returning(exportColumns),
)

const clearChunks = defineStatement('export_chunks.clear', (db) =>
  db
    .delete(exportChunks)
    .where(eq(exportChunks.exportId, p('id')))
    .returning({ sequence: exportChunks.sequence }),
)

const insertChunk = defineStatement('export_chunks.insert', (db) =>
  db
    .insert(exportChunks)
    .values({ exportId: p('id'), sequence: p('sequence'), content: p('content') })
    .returning({ sequence: exportChunks.sequence }),
)

const finishExport = defineStatement('exports.finish', (db) =>
  db
    .update(taskExports)
    .set({ status: 'done', rows: sql`${p('rows')}::int`, finishedAt: sql`${p('now')}::timestamptz` })
    .where(eq(taskExports.id, p('id')))
    .returning({ id: taskExports.id }),
)

/** Ends an export that will not be retried. */
const failExport = defineStatement('exports.fail', (db) =>
  db
    .update(taskExports)
    .set({ status: 'failed', rows: 0, finishedAt: sql`${p('now')}::timestamptz` })
    .where(and(eq(taskExports.id, p('id')), sql`${taskExports.status} in ('queued', 'running')`))
    .returning({ id: taskExports.id }),
)

const readChunk = defineStatement('export_chunks.read', (db) =>
  db
    .select({ content: exportChunks.content })
    .from(exportChunks)
    .where(and(eq(exportChunks.exportId, p('id')), eq(exportChunks.sequence, p('sequence'))))
    .orderBy(asc(exportChunks.sequence)),
)

/** Requests of an account that arrive together wait for each other here, so that each counts the others. */
const lockAccount = defineStatement('jobs.lock_account', (db) =>
  db
    .select({ id: users.id })
    .from(users)
    .where(eq(users.id, p('userId')))
    .for('no key update'),
)

const countUnfinished = defineStatement('jobs.count_unfinished', (db) => {
  const count = (jobs: typeof taskExports | typeof taskImports): SQL =>
    sql`(select count(*) from ${jobs}
      where ${and(eq(jobs.userId, p('userId')), schema.isUnfinished(jobs.status))})`
  return db
    .select({ jobs: sql<number>`(${count(taskExports)} + ${count(taskImports)})::int` })
    .from(sql`(select 1) as one`)
})

/** The number of an account's exports and imports that may wait or run. */
const quota = 10

export interface QueuedJob {
  id: string
  status: 'queued'
}

/**
 * Inserts the row of a job and queues the job, in one transaction. Throws `too-many-requests` if the account
 * has too many.
 */
export async function queueJob(
  { jobs: startedJobs, now, database }: Pick<ExportDependencies, 'database' | 'jobs' | 'now'>,
  scope: Scope,
  { kind, userId }: { kind: 'export' | 'import'; userId: string },
  insert: (tx: Transaction, id: string, now: string) => Promise<unknown>,
): Promise<QueuedJob> {
  // Before the transaction, so that no connection is occupied while this waits.
  const jobs = await startedJobs()
  const id = uuidv7(now())
  await database.transaction(scope, async (tx) => {
    await tx.run(lockAccount, { userId })
    const [counted] = await tx.run(countUnfinished, { userId })
    const unfinished = counted?.jobs ?? 0
    if (unfinished >= quota)
      throw new Problem('too-many-requests', {
        detail: `${quota} exports and imports are not finished`,
        headers: { 'retry-after': '5' },
      })
    await insert(tx, id, new Date(now()).toISOString())
    await jobs.enqueue(tx, kind, id, { account: userId, unfinished })
  })
  return { id, status: 'queued' }
}

/** Returns `row` if it is the caller's. Throws `not-found` otherwise, and reports a row of another user. */
export function requireOwn<Row extends TransferRow>(
  { metrics, events }: Pick<ExportDependencies, 'metrics' | 'events'>,
  scope: Scope,
  { userId }: Principal,
  { kind, id, row }: { kind: 'export' | 'import'; id: string; row: Row | undefined },
): Row {
  if (row?.userId === userId) return row
  if (row !== undefined) {
    metrics.accessDenied.inc({ kind: 'cross_user' })
    events.security('access.cross_user', scope, { [`${kind}Id`]: id })
  }
  throw new Problem('not-found', { detail: `The ${kind} does not exist` })
}

export class ExportService {
  readonly #dependencies: ExportDependencies

  constructor(dependencies: ExportDependencies) {
    this.#dependencies = dependencies
  }

  request(scope: Scope, { userId }: Principal, format: Format): Promise<QueuedJob> {
    return queueJob(this.#dependencies, scope, { kind: 'export', userId }, (tx, id, now) =>
      tx.run(insertExport, { id, userId, format, now }),
    )
  }

  /** Throws `not-found` for an unknown export and for one of another user. */
  async get(scope: Scope, principal: Principal, id: string): Promise<TransferRow> {
    const [row] = await this.#dependencies.database.run(scope, exportById, { id })
    return requireOwn(this.#dependencies, scope, principal, { kind: 'export', id, row })
  }

  /** Reads the file piece by piece. */
  readFile(id: string): ReadableStream<Uint8Array> {
    let sequence = 0
    const encoder = new TextEncoder()
    return new ReadableStream({
      pull: async (controller) => {
        const [chunk] = await this.#dependencies.database.run(createBackgroundScope(10_000), readChunk, {
          id,
          sequence,
        })
        sequence += 1
        if (chunk === undefined) controller.close()
        else controller.enqueue(encoder.encode(chunk.content))
      },
    })
  }

  /** Executes the job, from the start if it was interrupted: a file can be read only when it is complete. */
  async run(id: string): Promise<JobOutcome> {
    const scope = createBackgroundScope(jobLimitMs)
    const [row] = await this.#dependencies.database.run(scope, startExport, { id })
    if (row === undefined) return 'done'
    const format = formats.find((one) => one === row.format) ?? 'json'
    const { database, metrics, events } = this.#dependencies
    try {
      await database.run(scope, clearChunks, { id })
      const rows = await this.#write(id, row.userId, format)
      await database.run(scope, finishExport, { id, rows, now: this.#now() })
      metrics.exports.inc({ format, result: 'success' })
      events.audit('export.finished', undefined, { exportId: id, userId: row.userId, rows })
      return 'done'
    } catch (error) {
      // The queue retries; each failed attempt counts.
      metrics.exports.inc({ format, result: 'failure' })
      throw error
    }
  }

  /** Marks the export as failed after the last attempt, so that its caller stops waiting. */
  async giveUp(id: string): Promise<void> {
    const scope = createBackgroundScope(10_000)
    await this.#dependencies.database.run(scope, clearChunks, { id })
    await this.#dependencies.database.run(scope, failExport, { id, now: this.#now() })
  }

  async #write(id: string, userId: string, format: Format): Promise<number> {
    const writer = createWriter(format)
    const scope = createBackgroundScope(jobLimitMs)
    let sequence = 0
    let rows = 0
    const store = async (content: string): Promise<void> => {
      if (content !== '')
        await this.#dependencies.database.run(scope, insertChunk, { id, sequence: sequence++, content })
    }
    await store(writer.head)
    let after: { value: string; id: string } | undefined
    for (;;) {
      const page = await this.#dependencies.database.run(
        scope,
        pageStatement({
          sort: 'createdAt',
          status: false,
          priority: false,
          search: false,
          after: after !== undefined,
        }),
        { userId, limit: rowsPerPiece, ...after },
      )
      const last = page.at(-1)
      if (last === undefined) break
      await store(writer.piece(page.map(toTask), rows === 0))
      rows += page.length
      after = { value: last.createdAt, id: last.id }
      if (page.length < rowsPerPiece) break
    }
    await store(writer.tail)
    return rows
  }

  #now(): string {
    return new Date(this.#dependencies.now()).toISOString()
  }
}
