import { backgroundScope, uuidv7 } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { JobOutcome, JobQueue } from '../jobs/index.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { pageStatement, taskOf } from '../tasks/index.ts'
import { formats, writerOf } from './formats.ts'
import type { Format } from './formats.ts'
import {
  clearChunks,
  failExport,
  exportById,
  finishExport,
  insertChunk,
  insertExport,
  readChunk,
  startExport,
} from './statements.ts'
import type { TransferRow } from './statements.ts'

export interface ExportParts {
  database: Database
  /** Waits a moment for the queue to start; rejects with `unavailable` when it does not. */
  jobs: () => Promise<JobQueue>
  metrics: Metrics
  events: Events
  now: () => number
}

/** Tasks in one piece of a file. */
const pieceRows = 500
const jobLimitMs = 300_000

export class ExportService {
  readonly #with: ExportParts

  constructor(parts: ExportParts) {
    this.#with = parts
  }

  async request(
    scope: Scope,
    { userId }: Principal,
    format: Format,
  ): Promise<{ id: string; status: 'queued' }> {
    // Before the transaction: nobody waits with a connection in hand.
    const jobs = await this.#with.jobs()
    const id = uuidv7(this.#with.now())
    await this.#with.database.transaction(scope, async (tx) => {
      await tx.run(insertExport, { id, userId, format, now: this.#iso() })
      await jobs.enqueue(tx, 'export', id)
    })
    return { id, status: 'queued' }
  }

  /** Throws `not-found` for an export that is not the caller's. */
  async get(scope: Scope, { userId }: Principal, id: string): Promise<TransferRow> {
    const [row] = await this.#with.database.run(scope, exportById, { id })
    if (row?.userId === userId) return row
    if (row !== undefined) {
      this.#with.metrics.accessDenied.inc({ kind: 'cross_user' })
      this.#with.events.security('access.cross_user', scope, { exportId: id })
    }
    throw new Problem('not-found', { detail: 'There is no such export' })
  }

  /** The file, piece by piece. */
  file(id: string): ReadableStream<Uint8Array> {
    let sequence = 0
    const encoder = new TextEncoder()
    return new ReadableStream({
      pull: async (controller) => {
        const [chunk] = await this.#with.database.run(backgroundScope(10_000), readChunk, { id, sequence })
        sequence += 1
        if (chunk === undefined) controller.close()
        else controller.enqueue(encoder.encode(chunk.content))
      },
    })
  }

  /** The job. Begins anew when it was interrupted: a file is only there once it is whole. */
  async run(id: string): Promise<JobOutcome> {
    const scope = backgroundScope(jobLimitMs)
    const [row] = await this.#with.database.run(scope, startExport, { id })
    if (row === undefined) return 'done'
    const format = formats.find((one) => one === row.format) ?? 'json'
    const { database, metrics, events } = this.#with
    try {
      await database.run(scope, clearChunks, { id })
      const rows = await this.#write(id, row.userId, format)
      await database.run(scope, finishExport, { id, rows, now: this.#iso() })
      metrics.exports.inc({ format, result: 'success' })
      events.audit('export.finished', undefined, { exportId: id, userId: row.userId, rows })
      return 'done'
    } catch (error) {
      // The queue tries again; how often it has to is what the rate of failures is for.
      metrics.exports.inc({ format, result: 'failure' })
      throw error
    }
  }

  /** After the last try: whoever asks for it must not wait for ever. */
  async giveUp(id: string): Promise<void> {
    const scope = backgroundScope(10_000)
    await this.#with.database.run(scope, clearChunks, { id })
    await this.#with.database.run(scope, failExport, { id, now: this.#iso() })
  }

  async #write(id: string, userId: string, format: Format): Promise<number> {
    const writer = writerOf(format)
    const scope = backgroundScope(jobLimitMs)
    let sequence = 0
    let rows = 0
    const put = async (content: string): Promise<void> => {
      if (content !== '')
        await this.#with.database.run(scope, insertChunk, { id, sequence: sequence++, content })
    }
    await put(writer.head)
    let after: { value: string; id: string } | undefined
    for (;;) {
      const page = await this.#with.database.run(
        scope,
        pageStatement({
          sort: 'createdAt',
          status: false,
          priority: false,
          search: false,
          after: after !== undefined,
        }),
        { userId, limit: pieceRows, ...after },
      )
      const last = page.at(-1)
      if (last === undefined) break
      await put(writer.piece(page.map(taskOf), rows === 0))
      rows += page.length
      after = { value: last.createdAt, id: last.id }
      if (page.length < pieceRows) break
    }
    await put(writer.tail)
    return rows
  }

  #iso(): string {
    return new Date(this.#with.now()).toISOString()
  }
}
