import { setImmediate } from 'node:timers/promises'
import { and, eq, getTableColumns, sql } from '../db/drizzle.ts'
import type { ReplyCache } from '../cache/cache.ts'
import { schema } from '../db/index.ts'
import type { QueryScope, Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { JobOutcome } from '../jobs.ts'
import { insertTasks, buildTask } from '../tasks/index.ts'
import type { Task } from '../tasks/index.ts'
import { readRows } from './formats.ts'
import type { Format } from './formats.ts'
import { queueJob, requireOwn } from './exports.ts'
import type { QueuedJob, TransferDependencies } from './exports.ts'

export interface ImportDependencies extends TransferDependencies {
  now: () => number
  cache: ReplyCache
}

const maxRows = 10_000
const maxFailures = 100
/** Rows in one INSERT. */
const rowsPerInsert = 100
/** How long rows are checked before the event loop gets a turn. */
const sliceMs = 10

const { taskImports, isUnfinished } = schema
const { body: _body, ...importColumns } = getTableColumns(taskImports)

export class ImportService {
  readonly #dependencies: ImportDependencies

  constructor(dependencies: ImportDependencies) {
    this.#dependencies = dependencies
  }

  async request(scope: Scope, { userId }: Principal, format: Format, body: string): Promise<QueuedJob> {
    if (body.includes('\0')) throw new Problem('invalid', { detail: 'The body has a NUL character' })
    return queueJob(this.#dependencies, scope, { kind: 'import', userId }, (tx) =>
      tx.query('imports.insert', (db) =>
        db.insert(taskImports).values({ userId, format, body }).returning({ id: taskImports.id }),
      ),
    )
  }

  /** Throws `not-found` for an unknown import and for one of another user. */
  async get(
    scope: Scope,
    principal: Principal,
    id: string,
  ): Promise<Omit<typeof taskImports.$inferSelect, 'body'>> {
    const [row] = await this.#dependencies.database.query(scope, 'imports.by_id', (db) =>
      db.select(importColumns).from(taskImports).where(eq(taskImports.id, id)),
    )
    return requireOwn(this.#dependencies, scope, principal, { kind: 'import', id, row })
  }

  /**
   * Executes the job: inserts all rows or none, in the transaction that marks it as done, so that it is never
   * applied twice.
   */
  async run(id: string, scope: QueryScope): Promise<JobOutcome> {
    const { database, metrics, events, cache } = this.#dependencies
    const [job] = await database.query(scope, 'imports.start', (db) =>
      db
        .update(taskImports)
        .set({ status: 'running' })
        .where(and(eq(taskImports.id, id), isUnfinished(taskImports.status)))
        .returning(),
    )
    if (job === undefined) return 'done'
    const { userId, format } = job
    const { tasks, failures } = await this.#read(format, job.body)
    const outcome = failures.length === 0 ? 'done' : 'failed'
    const rows = outcome === 'done' ? tasks.length : 0
    try {
      await database.transaction(scope, async (tx) => {
        const isFirst = await finish(tx, id, { status: outcome, rows, failures })
        if (!isFirst || outcome === 'failed') return
        for (let start = 0; start < rows; start += rowsPerInsert)
          await insertTasks(tx, userId, tasks.slice(start, start + rowsPerInsert))
      })
    } catch (error) {
      // The queue retries; each failed attempt counts.
      metrics.imports.inc({ format, result: 'failure' })
      throw error
    }
    cache.invalidate(userId)
    metrics.imports.inc({ format, result: outcome === 'done' ? 'success' : 'failure' })
    events.audit('import.finished', undefined, { importId: id, userId, rows, applied: outcome === 'done' })
    return outcome
  }

  /** Marks the import as failed after the last attempt. No row was inserted, and none will be. */
  async giveUp(id: string, scope: QueryScope): Promise<void> {
    const failures = [{ row: 0, message: 'the import failed repeatedly; no task was created' }]
    await this.#dependencies.database.transaction(scope, (tx) =>
      finish(tx, id, { status: 'failed', rows: 0, failures }),
    )
  }

  async #read(
    format: Format,
    body: string,
  ): Promise<{ tasks: Omit<Task, 'id'>[]; failures: schema.Failure[] }> {
    const tasks: Omit<Task, 'id'>[] = []
    const failures: schema.Failure[] = []
    let row = 0
    let sliceEndsAt = performance.now() + sliceMs
    try {
      for await (const parsed of readRows(format, body)) {
        row += 1
        if (row > maxRows) return { tasks, failures: [{ row: 0, message: `more than ${maxRows} rows` }] }
        if ('task' in parsed) tasks.push(buildTask(parsed.task, this.#dependencies.now()))
        else if (failures.length < maxFailures) failures.push({ row, message: parsed.message })
        if (performance.now() < sliceEndsAt) continue
        // Lets requests be answered between two slices.
        await setImmediate()
        sliceEndsAt = performance.now() + sliceMs
      }
    } catch (error) {
      failures.push({ row: 0, message: error instanceof Error ? error.message : 'the file cannot be read' })
    }
    return { tasks, failures }
  }
}

/** Ends an import. Returns false if it has ended already: then it must not be applied again. */
async function finish(
  tx: Transaction,
  id: string,
  result: Pick<typeof taskImports.$inferSelect, 'status' | 'rows' | 'failures'>,
): Promise<boolean> {
  const { rowCount } = await tx.query('imports.finish', (db) =>
    db
      .update(taskImports)
      .set({ ...result, body: '', finishedAt: sql`now()` })
      .where(and(eq(taskImports.id, id), eq(taskImports.status, 'running'))),
  )
  return rowCount === 1
}
