import { backgroundScope, uuidv7 } from '../db/index.ts'
import type { Database, QueryScope, Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { JobOutcome, JobQueue } from '../jobs/index.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { insertTasks, newTaskOf } from '../tasks/index.ts'
import type { Task } from '../tasks/index.ts'
import { formats, readRows } from './formats.ts'
import type { Format } from './formats.ts'
import { finishImport, importById, insertImport, startImport } from './statements.ts'
import type { ImportRow } from './statements.ts'

export interface ImportParts {
  database: Database
  /** Waits a moment for the queue to start; rejects with `unavailable` when it does not. */
  jobs: () => Promise<JobQueue>
  metrics: Metrics
  events: Events
  now: () => number
  /** Told when a user's tasks have changed. */
  wrote: (userId: string) => void
}

export interface Failure {
  /** From 1, without the header of a CSV file; 0 is the file as a whole. */
  row: number
  message: string
}

const maxRows = 10_000
const maxFailures = 100
/** Rows between two turns of the event loop, and in one INSERT. */
const sliceRows = 100
const jobLimitMs = 300_000

export class ImportService {
  readonly #with: ImportParts

  constructor(parts: ImportParts) {
    this.#with = parts
  }

  async request(
    scope: Scope,
    { userId }: Principal,
    format: Format,
    body: string,
  ): Promise<{ id: string; status: 'queued' }> {
    if (body.includes('\0')) throw new Problem('invalid', { detail: 'The body has a NUL character' })
    // Before the transaction: nobody waits with a connection in hand.
    const jobs = await this.#with.jobs()
    const id = uuidv7(this.#with.now())
    await this.#with.database.transaction(scope, async (tx) => {
      await tx.run(insertImport, { id, userId, format, body, now: this.#iso() })
      await jobs.enqueue(tx, 'import', id)
    })
    return { id, status: 'queued' }
  }

  /** Throws `not-found` for an import that is not the caller's. */
  async get(scope: Scope, { userId }: Principal, id: string): Promise<ImportRow> {
    const [row] = await this.#with.database.run(scope, importById, { id })
    if (row?.userId === userId) return row
    if (row !== undefined) {
      this.#with.metrics.accessDenied.inc({ kind: 'cross_user' })
      this.#with.events.security('access.cross_user', scope, { importId: id })
    }
    throw new Problem('not-found', { detail: 'There is no such import' })
  }

  /** The job: all rows or none, in the transaction that marks it as done, so that it is never applied twice. */
  async run(id: string): Promise<JobOutcome> {
    const scope: QueryScope = { ...backgroundScope(jobLimitMs), patient: true }
    const [job] = await this.#with.database.run(scope, startImport, { id })
    if (job === undefined) return 'done'
    const format = formats.find((one) => one === job.format) ?? 'json'
    const { tasks, failures } = await this.#read(format, job.body)
    const applied = failures.length === 0
    const applying = this.#with.database.transaction(scope, async (tx) => {
      const status = applied ? 'done' : 'failed'
      const finished = await tx.run(finishImport, {
        id,
        status,
        rows: applied ? tasks.length : 0,
        failures: JSON.stringify(failures),
        now: this.#iso(),
      })
      if (finished.length > 0 && applied) await insertAll(tx, job.userId, tasks)
    })
    await applying.catch((error: unknown) => {
      // The queue tries again; how often it has to is what the rate of failures is for.
      this.#with.metrics.imports.inc({ format, result: 'failure' })
      throw error
    })
    this.#with.wrote(job.userId)
    this.#with.metrics.imports.inc({ format, result: applied ? 'success' : 'failure' })
    this.#with.events.audit('import.finished', undefined, {
      importId: id,
      userId: job.userId,
      rows: applied ? tasks.length : 0,
      applied,
    })
    return applied ? 'done' : 'failed'
  }

  /** After the last try: nothing of it was applied, and nothing will be. */
  async giveUp(id: string): Promise<void> {
    const failures = JSON.stringify([{ row: 0, message: 'it could not be carried out; nothing was applied' }])
    await this.#with.database.run(backgroundScope(10_000), finishImport, {
      id,
      status: 'failed',
      rows: 0,
      failures,
      now: this.#iso(),
    })
  }

  async #read(format: Format, body: string): Promise<{ tasks: Task[]; failures: Failure[] }> {
    const tasks: Task[] = []
    const failures: Failure[] = []
    let row = 0
    try {
      for (const parsed of readRows(format, body)) {
        row += 1
        if (row > maxRows) return { tasks, failures: [{ row: 0, message: `more than ${maxRows} rows` }] }
        if ('task' in parsed) tasks.push(newTaskOf(parsed.task, this.#with.now()))
        else if (failures.length < maxFailures) failures.push({ row, message: parsed.message })
        if (row % sliceRows === 0) await nextTurn()
      }
    } catch (error) {
      failures.push({ row: 0, message: error instanceof Error ? error.message : 'cannot be read' })
    }
    return { tasks, failures }
  }

  #iso(): string {
    return new Date(this.#with.now()).toISOString()
  }
}

async function insertAll(tx: Transaction, userId: string, tasks: readonly Task[]): Promise<void> {
  for (let start = 0; start < tasks.length; start += sliceRows) {
    await tx.run(insertTasks, { userId, rows: JSON.stringify(tasks.slice(start, start + sliceRows)) })
  }
}

// Requests are answered between two slices.
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
