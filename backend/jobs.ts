import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { fromDrizzle, PgBoss } from 'pg-boss'
import { readAddress } from './db/address.ts'
import { toConnectionConfig } from './db/connections.ts'
import { sql } from './db/drizzle.ts'
import type { Transaction } from './db/index.ts'
import { runWithSpans } from './db/statement.ts'
import { parseTraceparent, formatTraceparent } from './http/scope.ts'
import type { Log, Metrics, QueueState, Tracing } from './observability/index.ts'

export type JobOutcome = 'done' | 'failed'

/** Executes the jobs of a queue. */
export interface JobHandler {
  /** Executes the job with `id`. Must be repeatable, because the process may end at any point. */
  run: (id: string) => Promise<JobOutcome>
  /** Called after the last attempt, so that the caller learns that the job has failed. */
  giveUp: (id: string) => Promise<void>
}

export interface JobQueueDependencies {
  url: string
  metrics: Metrics
  log: Log
  tracing?: Tracing | undefined
  /** The number of retries of a failed job. */
  retries?: number
}

/** The stored data of a job: the id of its record, and the request that queued it. */
interface JobData {
  id: string
  traceparent?: string
}

/** Who waits for a job. */
export interface JobOwner {
  account: string
  /** The number of the account's jobs that are not finished. */
  unfinished: number
}

/** The number of jobs of a queue that this process runs at the same time, each of another account. */
const workersPerQueue = 2

/** A process without a heartbeat for this time has ended, and another process takes over its jobs. */
const heartbeatSeconds = 10
const countsLifetimeMs = 5000
/** New jobs are notified immediately; polling finds retries and the jobs of ended processes. */
const pollingIntervalSeconds = 2
const defaultRetries = 5

const ignore = (): void => undefined

/** A client of the driver that pg-boss uses. */
interface DriverClient extends EventEmitter {
  connect: (...args: unknown[]) => unknown
}
const driver: { Client: { prototype: DriverClient } } = createRequire(import.meta.resolve('pg-boss'))('pg')

/**
 * An error of a client that has no listener ends the process. pg-boss has none while it uses a client between
 * two queries, and removes all those of a LISTEN connection that it lost. So each client gets one that does
 * nothing: rarely, the database was killed at such a moment, and the API ended with it.
 */
function ignoreLateErrors({ prototype }: { prototype: DriverClient }): void {
  const connect: unknown = Reflect.get(prototype, 'connect')
  const removeAllListeners: unknown = Reflect.get(prototype, 'removeAllListeners')
  if (typeof connect !== 'function' || typeof removeAllListeners !== 'function')
    throw new TypeError('pg-boss: its driver has no client of the expected kind')
  prototype.connect = function (this: DriverClient, ...args: unknown[]): unknown {
    this.on('error', ignore)
    return Reflect.apply(connect, this, args)
  }
  prototype.removeAllListeners = function (this: DriverClient, ...events: [string?]): DriverClient {
    Reflect.apply(removeAllListeners, this, events)
    return this.on('error', ignore)
  }
}

ignoreLateErrors(driver.Client)

/**
 * Background jobs on pg-boss, stored in the same PostgreSQL: a job is enqueued in the transaction that
 * creates its record, and another process takes over if its process ends.
 */
export class JobQueue {
  #opened: PgBoss | undefined
  readonly #dependencies: JobQueueDependencies
  readonly #queues: Readonly<Record<string, JobHandler>>
  #counts: { at: number; states: Promise<QueueState[]> } | undefined
  #running = false
  readonly #retries: number

  constructor(dependencies: JobQueueDependencies, queues: Readonly<Record<string, JobHandler>>) {
    this.#dependencies = dependencies
    this.#queues = queues
    this.#retries = dependencies.retries ?? defaultRetries
    dependencies.metrics.observe({ queues: () => this.#countJobs() })
  }

  get #boss(): PgBoss {
    if (this.#opened === undefined) throw new Error('the job queue has not started')
    return this.#opened
  }

  /** Creates the queues and starts the workers. Rejects if the database cannot be reached. */
  async start(): Promise<void> {
    const { url, log } = this.#dependencies
    const { isPooled } = readAddress(url)
    this.#opened = new PgBoss({
      ...(await toConnectionConfig(url, 'todo-backend-jobs')),
      ...(!isPooled && { options: '-c statement_timeout=10000 -c lock_timeout=5000' }),
      // Behind a PgBouncer, LISTEN receives nothing: jobs are found by polling.
      useListenNotify: !isPooled,
      max: 3,
      schema: 'jobs',
      schedule: false,
      monitorIntervalSeconds: heartbeatSeconds,
      superviseIntervalSeconds: heartbeatSeconds,
    })
    this.#boss.on('error', ({ message }) =>
      log.warn({ stream: 'error', error: { message } }, 'the job queue had an error'),
    )
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
      for (let index = 0; index < workersPerQueue; index += 1) await this.#startWorker(queue, handler)
    }
    this.#running = true
  }

  async #startWorker(queue: string, handler: JobHandler): Promise<void> {
    const worker: string = await this.#boss.work<JobData>(
      queue,
      {
        batchSize: 1,
        pollingIntervalSeconds,
        notifyPollingIntervalSeconds: pollingIntervalSeconds,
        // Not `groupConcurrency`, with which two simultaneous fetches can begin two jobs of an account.
        localGroupConcurrency: 1,
      },
      async ([job]) => {
        if (job === undefined) return
        // Fetches the next job immediately after this one: of several new jobs, only the first is notified in
        // time.
        this.#boss.notifyWorker(worker)
        await this.#work(queue, handler, job.data, job.retryCount >= this.#retries)
      },
    )
  }

  /**
   * Enqueues a job in `tx`, so that the job exists exactly if its record does. Accounts take turns: a process
   * runs one job of an account at a time, and the fewer jobs it has, the earlier its next one runs.
   */
  async enqueue(tx: Transaction, queue: string, id: string, owner: JobOwner): Promise<void> {
    const { traceId, spanId, sampled = false } = tx.scope
    const isTraced = traceId !== undefined && spanId !== undefined
    const data: JobData = {
      id,
      ...(isTraced && { traceparent: formatTraceparent({ traceId, spanId, sampled }) }),
    }
    await this.#boss.send(queue, data, {
      db: fromDrizzle(tx.builder, sql),
      group: { id: owner.account },
      priority: -owner.unfinished,
    })
  }

  /** Lets running jobs finish within `graceMs`. Others are retried later. */
  async stop(graceMs: number): Promise<void> {
    this.#running = false
    await this.#opened?.stop({ graceful: true, timeout: graceMs, close: true })
  }

  async #work(queue: string, handler: JobHandler, job: JobData, isLast: boolean): Promise<void> {
    const { metrics, log, tracing } = this.#dependencies
    const { id, traceparent } = job
    const traceId = traceparent === undefined ? undefined : parseTraceparent(traceparent, undefined)?.traceId
    const started = performance.now()
    const span = tracing?.jobStarted(queue, id, traceparent)
    const finish = (outcome: JobOutcome | 'error', error?: unknown): void => {
      metrics.jobSeconds.observe({ queue, outcome }, (performance.now() - started) / 1000)
      span?.end(outcome, error)
    }
    const about = { traceId, queue, jobId: id }
    try {
      const outcome = await runWithSpans(span?.startQuery, () => handler.run(id))
      finish(outcome)
      log.info({ stream: 'application', ...about, outcome }, 'job ended')
    } catch (error) {
      finish('error', error)
      const message = error instanceof Error ? error.message : String(error)
      const text = isLast ? 'job has failed and will not be retried' : 'job will be retried'
      log.error({ stream: 'error', ...about, error: { message } }, text)
      if (isLast) await handler.giveUp(id)
      throw error
    }
  }

  // Counts at most every 5 s, even with more frequent scrapes.
  #countJobs(): Promise<QueueState[]> {
    const now = performance.now()
    if (!this.#running) return Promise.resolve([])
    if (this.#counts === undefined || now - this.#counts.at > countsLifetimeMs)
      this.#counts = { at: now, states: this.#readCounts().catch(() => []) }
    return this.#counts.states
  }

  async #readCounts(): Promise<QueueState[]> {
    const perQueue = await Promise.all(
      Object.keys(this.#queues).map(async (queue) =>
        (await this.#boss.getQueueStats(queue)).flatMap((stats) => [
          { queue, state: 'waiting', jobs: stats.queuedCount },
          { queue, state: 'active', jobs: stats.activeCount },
          { queue, state: 'failed', jobs: stats.failedCount },
        ]),
      ),
    )
    return perQueue.flat()
  }
}
