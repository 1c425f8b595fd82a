import { fromDrizzle, PgBoss } from 'pg-boss'
import { sql } from './db/drizzle.ts'
import type { Transaction } from './db/index.ts'
import { withSpans } from './db/statement.ts'
import { joinTrace, traceparentOf } from './http/scope.ts'
import type { Log, Metrics, QueueState, Tracing } from './observability/index.ts'

export type JobOutcome = 'done' | 'failed'

/** What a queue's jobs are. */
export interface JobHandler {
  /** Does the job with `id`. Must bear to be run again: a process may end at any point of it. */
  run: (id: string) => Promise<JobOutcome>
  /** Called when the job was tried for the last time, so that its caller learns that it will never be done. */
  giveUp: (id: string) => Promise<void>
}

export interface JobQueueParts {
  url: string
  metrics: Metrics
  log: Log
  tracing?: Tracing | undefined
  /** How often a job that failed is tried again. */
  retries?: number
}

/** What is kept of a job: what it is about, and which request has queued it. */
interface JobData {
  id: string
  traceparent?: string
}

/** Seconds. A process that has not been heard of for this long has ended, and its jobs go to another. */
const heartbeatSeconds = 10
const countsKeptMs = 5000
/** A new job is told of at once; a second try, or the job of a process that has ended, is only found by looking. */
const pollingIntervalSeconds = 2
const usualRetries = 5

/**
 * Background jobs on pg-boss: kept in the same PostgreSQL, so that a job is enqueued in the transaction that makes its
 * record, and taken over when its process ends.
 */
export class JobQueue {
  readonly #boss: PgBoss
  readonly #parts: JobQueueParts
  readonly #queues: Readonly<Record<string, JobHandler>>
  #counts: { at: number; states: Promise<QueueState[]> } | undefined
  #running = false
  readonly #retries: number

  constructor(parts: JobQueueParts, queues: Readonly<Record<string, JobHandler>>) {
    this.#parts = parts
    this.#queues = queues
    this.#retries = parts.retries ?? usualRetries
    this.#boss = new PgBoss({
      connectionString: parts.url,
      application_name: 'todo-backend-jobs',
      options: '-c statement_timeout=10000 -c lock_timeout=5000',
      connectionTimeoutMillis: 2000,
      max: 3,
      schema: 'jobs',
      schedule: false,
      useListenNotify: true,
      monitorIntervalSeconds: heartbeatSeconds,
      superviseIntervalSeconds: heartbeatSeconds,
    })
    this.#boss.on('error', (error) =>
      parts.log.warn({ stream: 'error', error: { message: error.message } }, 'the job queue had an error'),
    )
    parts.metrics.observeQueues(() => this.#countJobs())
  }

  /** Makes the queues and starts to work. Rejects when the database cannot be reached. */
  async start(): Promise<void> {
    await this.#boss.start()
    for (const [queue, handler] of Object.entries(this.#queues)) {
      await this.#boss.createQueue(queue, {
        retryLimit: this.#retries,
        retryDelay: 1,
        retryBackoff: true,
        retryDelayMax: 30,
        expireInSeconds: 600,
        heartbeatSeconds,
        notify: true,
      })
      const worker: string = await this.#boss.work<JobData>(
        queue,
        { batchSize: 1, pollingIntervalSeconds, notifyPollingIntervalSeconds: pollingIntervalSeconds },
        async ([job]) => {
          if (job === undefined) return
          // After this one it looks for the next at once: of jobs that come together only the first is told of in time.
          this.#boss.notifyWorker(worker)
          await this.#work(queue, handler, job.data, job.retryCount >= this.#retries)
        },
      )
    }
    this.#running = true
  }

  /** Enqueues within `tx`: the job is there exactly when what it is about is. */
  async enqueue(tx: Transaction, queue: string, id: string): Promise<void> {
    const { traceId, spanId, sampled = false } = tx.scope
    const data: JobData = {
      id,
      ...(traceId !== undefined &&
        spanId !== undefined && { traceparent: traceparentOf({ traceId, spanId, sampled }) }),
    }
    await this.#boss.send(queue, data, { db: fromDrizzle(tx.builder, sql) })
  }

  get running(): boolean {
    return this.#running
  }

  /** Lets jobs under way finish for `graceMs`; those that do not are taken up again later. */
  async stop(graceMs: number): Promise<void> {
    this.#running = false
    await this.#boss.stop({ graceful: true, timeout: graceMs, close: true })
  }

  async #work(
    queue: string,
    handler: JobHandler,
    { id, traceparent }: JobData,
    isLast: boolean,
  ): Promise<void> {
    const { metrics, log, tracing } = this.#parts
    const traceId = traceparent === undefined ? undefined : joinTrace(traceparent, undefined)?.traceId
    const started = performance.now()
    const span = tracing?.jobStarted(queue, id, traceparent)
    const finish = (outcome: JobOutcome | 'error', error?: unknown): void => {
      metrics.jobSeconds.observe({ queue, outcome }, (performance.now() - started) / 1000)
      span?.end(outcome, error)
    }
    try {
      const outcome = await withSpans(span?.startQuery, () => handler.run(id))
      finish(outcome)
      log.info({ stream: 'application', traceId, queue, jobId: id, outcome }, 'job ended')
    } catch (error) {
      finish('error', error)
      log.error(
        {
          stream: 'error',
          traceId,
          queue,
          jobId: id,
          error: { message: error instanceof Error ? error.message : String(error) },
        },
        isLast ? 'job is given up' : 'job will be tried again',
      )
      if (isLast) await handler.giveUp(id)
      throw error
    }
  }

  // Counted at most every 5 s, however often it is scraped.
  #countJobs(): Promise<QueueState[]> {
    const now = performance.now()
    if (!this.#running) return Promise.resolve([])
    if (this.#counts === undefined || now - this.#counts.at > countsKeptMs)
      this.#counts = { at: now, states: this.#readCounts().catch(() => []) }
    return this.#counts.states
  }

  async #readCounts(): Promise<QueueState[]> {
    const perQueue = await Promise.all(
      Object.keys(this.#queues).map(async (queue) => {
        const [stats] = await this.#boss.getQueueStats(queue)
        if (stats === undefined) return []
        return [
          { queue, state: 'waiting', jobs: stats.queuedCount },
          { queue, state: 'active', jobs: stats.activeCount },
          { queue, state: 'failed', jobs: stats.failedCount },
        ]
      }),
    )
    return perQueue.flat()
  }
}
