import { and, eq, sql } from '../db/drizzle.ts'
import { createBackgroundScope, schema, defineStatement } from '../db/index.ts'
import type { Database, Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { JobOutcome, JobQueue } from '../jobs.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { insertTasks, buildTask } from '../tasks/index.ts'
import type { Task } from '../tasks/index.ts'
import { formats, readRows } from './formats.ts'
import type { Format } from './formats.ts'
import { queueJob, requireOwn } from './exports.ts'
import type { QueuedJob, TransferRow } from './exports.ts'

export type ImportRow = TransferRow & { failures: { row: number; message: string }[] }

export interface ImportDependencies {
  database: Database
  /** Waits briefly for the queue to start. Rejects with `unavailable` if it does not. */
  jobs: () => Promise<JobQueue>
  metrics: Metrics
  events: Events
  now: () => number
  /** Called after a user's tasks have changed. */
  onWrite: (userId: string) => void
}

export interface Failure {
  /** From 1, not counting the header of a CSV file; 0 stands for the entire file. */
  row: number
  message: string
}

const maxRows = 10_000
const maxFailures = 100
/** Rows in one INSERT. */
const rowsPerInsert = 100
/** How long rows are checked before the event loop gets a turn. */
const sliceMs = 10
const jobLimitMs = 300_000

const { taskImports } = schema
const p = sql.placeholder

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

const insertImport = defineStatement('imports.insert', (db) =>
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
    .returning({ id: taskImports.id }),
)

const importById = defineStatement('imports.by_id', (db) =>
  db
    .select(importColumns)
    .from(taskImports)
    .where(eq(taskImports.id, p('id'))),
)

const startImport = defineStatement('imports.start', (db) =>
  db
    .update(taskImports)
    .set({ status: 'running' })
    .where(and(eq(taskImports.id, p('id')), sql`${taskImports.status} in ('queued', 'running')`))
    .returning({ userId: taskImports.userId, format: taskImports.format, body: taskImports.body }),
)

/** Ends an import. Returns no row if it has ended already: then it must not be applied again. */
const finishImport = defineStatement('imports.finish', (db) =>
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
    .returning({ id: taskImports.id }),
)

export class ImportService {
  readonly #dependencies: ImportDependencies

  constructor(dependencies: ImportDependencies) {
    this.#dependencies = dependencies
  }

  async request(scope: Scope, { userId }: Principal, format: Format, body: string): Promise<QueuedJob> {
    if (body.includes('\0')) throw new Problem('invalid', { detail: 'The body has a NUL character' })
    return queueJob(this.#dependencies, scope, { kind: 'import', userId }, (tx, id, now) =>
      tx.run(insertImport, { id, userId, format, body, now }),
    )
  }

  /** Throws `not-found` for an unknown import and for one of another user. */
  async get(scope: Scope, principal: Principal, id: string): Promise<ImportRow> {
    const [row] = await this.#dependencies.database.run(scope, importById, { id })
    return requireOwn(this.#dependencies, scope, principal, { kind: 'import', id, row })
  }

  /**
   * Executes the job: inserts all rows or none, in the transaction that marks it as done, so that it is never
   * applied twice.
   */
  async run(id: string): Promise<JobOutcome> {
    const scope = createBackgroundScope(jobLimitMs)
    const [job] = await this.#dependencies.database.run(scope, startImport, { id })
    if (job === undefined) return 'done'
    const format = formats.find((one) => one === job.format) ?? 'json'
    const { tasks, failures } = await this.#read(format, job.body)
    const applied = failures.length === 0
    const applying = this.#dependencies.database.transaction(scope, async (tx) => {
      const status = applied ? 'done' : 'failed'
      const finished = await tx.run(finishImport, {
        id,
        status,
        rows: applied ? tasks.length : 0,
        failures: JSON.stringify(failures),
        now: this.#now(),
      })
      if (finished.length > 0 && applied) await insertAll(tx, job.userId, tasks)
    })
    await applying.catch((error: unknown) => {
      // The queue retries; each failed attempt counts.
      this.#dependencies.metrics.imports.inc({ format, result: 'failure' })
      throw error
    })
    this.#dependencies.onWrite(job.userId)
    this.#dependencies.metrics.imports.inc({ format, result: applied ? 'success' : 'failure' })
    this.#dependencies.events.audit('import.finished', undefined, {
      importId: id,
      userId: job.userId,
      rows: applied ? tasks.length : 0,
      applied,
    })
    return applied ? 'done' : 'failed'
  }

  /** Marks the import as failed after the last attempt. No row was inserted, and none will be. */
  async giveUp(id: string): Promise<void> {
    const failures = JSON.stringify([
      { row: 0, message: 'the import failed repeatedly; no task was created' },
    ])
    await this.#dependencies.database.run(createBackgroundScope(10_000), finishImport, {
      id,
      status: 'failed',
      rows: 0,
      failures,
      now: this.#now(),
    })
  }

  async #read(format: Format, body: string): Promise<{ tasks: Task[]; failures: Failure[] }> {
    const tasks: Task[] = []
    const failures: Failure[] = []
    let row = 0
    let sliceEndsAt = performance.now() + sliceMs
    try {
      for await (const parsed of readRows(format, body)) {
        row += 1
        if (row > maxRows) return { tasks, failures: [{ row: 0, message: `more than ${maxRows} rows` }] }
        if ('task' in parsed) tasks.push(buildTask(parsed.task, this.#dependencies.now()))
        else if (failures.length < maxFailures) failures.push({ row, message: parsed.message })
        if (performance.now() < sliceEndsAt) continue
        await nextTurn()
        sliceEndsAt = performance.now() + sliceMs
      }
    } catch (error) {
      failures.push({ row: 0, message: error instanceof Error ? error.message : 'the file cannot be read' })
    }
    return { tasks, failures }
  }

  #now(): string {
    return new Date(this.#dependencies.now()).toISOString()
  }
}

async function insertAll(tx: Transaction, userId: string, tasks: readonly Task[]): Promise<void> {
  for (let start = 0; start < tasks.length; start += rowsPerInsert) {
    await tx.run(insertTasks, { userId, rows: JSON.stringify(tasks.slice(start, start + rowsPerInsert)) })
  }
}

// Lets requests be answered between two slices.
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
