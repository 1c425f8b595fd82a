import { and, eq, sql } from '../db/drizzle.ts'
import type { SQL } from '../db/drizzle.ts'
import { schema } from '../db/index.ts'
import type { Database, QueryScope, Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { JobOutcome, JobQueue } from '../jobs.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { pageStatement } from '../tasks/index.ts'
import type { Task } from '../tasks/index.ts'
import { formatFile } from './formats.ts'
import type { Format } from './formats.ts'

export interface TransferDependencies {
  database: Database
  jobs: JobQueue
  metrics: Metrics
  events: Events
}

/** Tasks in one piece of a file. */
const rowsPerPiece = 500
/** The number of an account's exports and imports that may wait or run. */
const quota = 10

const { taskExports, taskImports, exportChunks, users, isUnfinished } = schema
type ExportRow = typeof taskExports.$inferSelect
type TransferTable = typeof taskExports | typeof taskImports

export interface QueuedJob {
  id: string
  status: 'queued'
}

/** Inserts the row of a job and queues it, in one transaction. Throws `too-many-requests` over the quota. */
export async function queueJob(
  { jobs, database }: TransferDependencies,
  scope: Scope,
  { kind, userId }: { kind: 'export' | 'import'; userId: string },
  insert: (tx: Transaction) => Promise<readonly { id: string }[]>,
): Promise<QueuedJob> {
  // Before the transaction, so that no connection is occupied while this waits.
  await jobs.requireStarted()
  const job = await database.transaction(scope, async (tx) => {
    // Requests of an account that arrive together wait for each other here, so that each counts the others.
    await tx.query('jobs.lock_account', (db) =>
      db.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('no key update'),
    )
    const count = (table: TransferTable) =>
      tx.query('jobs.count_unfinished', (db) =>
        db.$count(table, and(eq(table.userId, userId), isUnfinished(table.status))).then((found) => [found]),
      )
    const unfinished = [...(await count(taskExports)), ...(await count(taskImports))].reduce((a, b) => a + b)
    if (unfinished >= quota)
      throw new Problem('too-many-requests', {
        detail: `${quota} exports and imports are not finished`,
        headers: { 'retry-after': '5' },
      })
    const [{ id } = { id: '' }] = await insert(tx)
    await jobs.enqueue(tx, kind, id, { account: userId, unfinished })
    return { id, status: 'queued' } as const
  })
  jobs.wake(kind)
  return job
}

/** Returns `row` if it is the caller's. Throws `not-found` otherwise, and reports a row of another user. */
export function requireOwn<Row extends { userId: string }>(
  { metrics, events }: Pick<TransferDependencies, 'metrics' | 'events'>,
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
  readonly #dependencies: TransferDependencies

  constructor(dependencies: TransferDependencies) {
    this.#dependencies = dependencies
  }

  request(scope: Scope, { userId }: Principal, format: Format): Promise<QueuedJob> {
    return queueJob(this.#dependencies, scope, { kind: 'export', userId }, (tx) =>
      tx.query('exports.insert', (db) =>
        db.insert(taskExports).values({ userId, format }).returning({ id: taskExports.id }),
      ),
    )
  }

  /** Throws `not-found` for an unknown export and for one of another user. */
  async get(scope: Scope, principal: Principal, id: string): Promise<ExportRow> {
    const [row] = await this.#dependencies.database.query(scope, 'exports.by_id', (db) =>
      db.select().from(taskExports).where(eq(taskExports.id, id)),
    )
    return requireOwn(this.#dependencies, scope, principal, { kind: 'export', id, row })
  }

  /** Reads the file piece by piece. `hasMark`: with a byte order mark, by which Excel knows UTF-8. */
  async *readFile(id: string, hasMark: boolean): AsyncGenerator<string> {
    if (hasMark) yield '\ufeff'
    for (let sequence = 0; ; sequence += 1) {
      const isNext = and(eq(exportChunks.exportId, id), eq(exportChunks.sequence, sequence))
      const [chunk] = await this.#dependencies.database.queryInBackground(`export_chunks.read`, (db) =>
        db.select({ content: exportChunks.content }).from(exportChunks).where(isNext),
      )
      if (chunk === undefined) return
      yield chunk.content
    }
  }

  /** Executes the job, from the start if it was interrupted: a file can be read only when it is complete. */
  async run(id: string, scope: QueryScope): Promise<JobOutcome> {
    const { database, metrics, events } = this.#dependencies
    const [job] = await database.query(scope, 'exports.start', (db) =>
      db.update(taskExports).set({ status: 'running', rows: 0 }).where(isUnfinishedExport(id)).returning(),
    )
    if (job === undefined) return 'done'
    const { userId, format } = job
    try {
      await this.#clear(scope, id)
      const rows = await this.#write(scope, job)
      await this.#finish(scope, id, { status: 'done', rows })
      metrics.exports.inc({ format, result: 'success' })
      events.audit('export.finished', undefined, { exportId: id, userId, rows })
      return 'done'
    } catch (error) {
      // The queue retries; each failed attempt counts.
      metrics.exports.inc({ format, result: 'failure' })
      throw error
    }
  }

  /** Marks the export as failed after the last attempt, so that its caller stops waiting. */
  async giveUp(id: string, scope: QueryScope): Promise<void> {
    await this.#clear(scope, id)
    await this.#finish(scope, id, { status: 'failed', rows: 0 })
  }

  async #clear(scope: QueryScope, id: string): Promise<void> {
    await this.#dependencies.database.query(scope, 'export_chunks.clear', (db) =>
      db.delete(exportChunks).where(eq(exportChunks.exportId, id)),
    )
  }

  async #finish(
    scope: QueryScope,
    id: string,
    result: { status: 'done' | 'failed'; rows: number },
  ): Promise<void> {
    await this.#dependencies.database.query(scope, 'exports.finish', (db) =>
      db
        .update(taskExports)
        .set({ ...result, finishedAt: sql`now()` })
        .where(isUnfinishedExport(id)),
    )
  }

  /** Returns the number of tasks. */
  async #write(scope: QueryScope, { id, userId, format }: ExportRow): Promise<number> {
    let [rows, sequence] = [0, 0]
    const pages = this.#readPages(scope, userId, (count) => (rows += count))
    for await (const content of formatFile(format, pages))
      await this.#dependencies.database.query(scope, 'export_chunks.insert', (db) =>
        db.insert(exportChunks).values({ exportId: id, sequence: sequence++, content }),
      )
    return rows
  }

  async *#readPages(
    scope: QueryScope,
    userId: string,
    onRead: (rows: number) => void,
  ): AsyncGenerator<Task[]> {
    for (let after: { value: string; id: string } | undefined; ;) {
      const statement = pageStatement('createdAt', after === undefined ? [] : ['after'])
      const values = { userId, limit: rowsPerPiece, ...after }
      const page = await this.#dependencies.database.run(scope, statement, values)
      const last = page.at(-1)
      if (last === undefined) return
      onRead(page.length)
      yield page
      after = { value: last.createdAt, id: last.id }
    }
  }
}

function isUnfinishedExport(id: string): SQL | undefined {
  return and(eq(taskExports.id, id), isUnfinished(taskExports.status))
}
