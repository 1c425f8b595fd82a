import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { PgBoss } from 'pg-boss'
import { closePool, openPool } from './db/connections.ts'
import { createBackgroundScope } from './db/index.ts'
import type { QueryScope, Transaction } from './db/index.ts'
import { Problem } from './http/index.ts'
import { formatTraceparent, parseTraceparent } from './http/scope.ts'
import type { Log, Metrics, QueueState, Tracing } from './observability/index.ts'

export type JobOutcome = 'done' | 'failed'

/** Executes the jobs of a queue. */
export interface JobHandler {
  /** Executes the job with `id`. Must be repeatable, because the process may end at any point. */
  run: (id: string, scope: QueryScope) => Promise<JobOutcome>
  /** Called after the last attempt, so that the caller learns that the job has failed. */
  giveUp: (id: string, scope: QueryScope) => Promise<void>
}

export interface JobQueueDependencies {
  url: string
  metrics: Metrics
  log: Log
  tracing?: Tracing | undefined
  /** The number of retries of a failed job. */
  retries?: number
  pollingSeconds?: number
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

const jobLimitMs = 300_000
/** A process without a heartbeat for this time has ended, and another process takes over its jobs. */
const heartbeatSeconds = 10
/** A new job wakes the workers of its process; polling finds retries, and the jobs of other processes. */
const defaultPollingSeconds = 2

/** How long a request waits for the queue to start; shorter than the time limit of any request. */
const startLimitMs = 3000
const startRetryMs = 500

/**
 * Background jobs on pg-boss, stored in the same PostgreSQL: a job is enqueued in the transaction that
 * creates its record, and another process takes over if its process ends.
 */
export class JobQueue {
  readonly #dependencies: JobQueueDependencies
  readonly #retries: number
  readonly #started = Promise.withResolvers<void>()
  /** The ids of the workers of each queue. */
  readonly #workers = new Map<string, string[]>()
  #pool: pg.Pool | undefined
  #boss: PgBoss | undefined
  #starting: Promise<void> | undefined
  #hasFailed = false
  #isStopping = false

  constructor(dependencies: JobQueueDependencies) {
    this.#dependencies = dependencies
    this.#retries = dependencies.retries ?? 5
    dependencies.metrics.observe({ queues: () => this.#countJobs() })
  }

  /** Starts in the background, because requests can be served before it. Retries until it succeeds. */
  start(handlers: Readonly<Record<string, JobHandler>>): void {
    this.#starting = this.#startRepeatedly(handlers)
  }

  /** Waits briefly for the start. Rejects with `unavailable` if jobs cannot be enqueued then. */
  async requireStarted(): Promise<void> {
    const started = this.#started.promise.then(() => true)
    if (await Promise.race([started, sleep(startLimitMs, false, { ref: false })])) return
    throw new Problem('unavailable', {
      detail: 'The job queue is starting',
      headers: { 'retry-after': '1' },
    })
  }

  /** Resolves unless the queue could not start; then, when it has started. */
  async check(): Promise<void> {
    if (this.#hasFailed) await this.#started.promise
  }

  /**
   * Enqueues a job in `tx`, so that the job exists exactly if its record does. Accounts take turns: a process
   * runs one job of an account at a time, and the fewer jobs it has, the earlier its next one runs.
   */
  async enqueue(tx: Transaction, queue: string, id: string, owner: JobOwner): Promise<void> {
    if (this.#boss === undefined) throw new Error('the job queue has not started')
    const { traceId, spanId, sampled = false } = tx.scope
    const isTraced = traceId !== undefined && spanId !== undefined
    const data: JobData = {
      id,
      ...(isTraced && { traceparent: formatTraceparent({ traceId, spanId, sampled }) }),
    }
    await this.#boss.send(queue, data, {
      db: { executeSql: (text, values) => tx.client.query(text, values) },
      group: { id: owner.account },
      priority: -owner.unfinished,
    })
  }

  /** Lets free workers of this process fetch jobs now. */
  wake(queue: string): void {
    for (const worker of this.#workers.get(queue) ?? []) this.#boss?.notifyWorker(worker)
  }

  /** Lets running jobs finish within `graceMs`. Others are retried later. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true
    await this.#starting
    await this.#boss?.stop({ timeout: graceMs }).catch(() => undefined)
    if (this.#pool !== undefined) await closePool(this.#pool, 1000)
  }

  async #startRepeatedly(handlers: Readonly<Record<string, JobHandler>>): Promise<void> {
    while (!this.#isStopping) {
      try {
        this.#boss = await this.#open(Object.keys(handlers))
        for (const [queue, handler] of Object.entries(handlers))
          await this.#startWorkers(this.#boss, queue, handler)
        this.#hasFailed = false
        this.#started.resolve()
        return
      } catch (error) {
        this.#hasFailed = true
        const { message } = error instanceof Error ? error : new Error(String(error))
        this.#dependencies.log.error(
          { stream: 'error', error: { message } },
          'the job queue cannot start yet',
        )
        await sleep(startRetryMs)
      }
    }
  }

  async #open(queues: readonly string[]): Promise<PgBoss> {
    const { url, log } = this.#dependencies
    // Loaded late, because the service can serve other requests before.
    const { PgBoss: Boss } = await import('pg-boss')
    const pool = (this.#pool ??= await openPool(
      url,
      { application_name: 'todo-backend-jobs', max: 3 },
      { statement_timeout: 10_000, lock_timeout: 5000 },
    ))
    const boss = new Boss({
      db: { executeSql: (text, values) => pool.query(text, values) },
      schema: 'jobs',
      schedule: false,
      monitorIntervalSeconds: heartbeatSeconds,
      superviseIntervalSeconds: heartbeatSeconds,
    })
    boss.on('error', ({ message }) =>
      log.warn({ stream: 'error', error: { message } }, 'the job queue had an error'),
    )
    try {
      await boss.start()
      const retrying = { retryLimit: this.#retries, retryDelay: 1, retryBackoff: true, retryDelayMax: 30 }
      for (const queue of queues)
        await boss.createQueue(queue, { ...retrying, expireInSeconds: 600, heartbeatSeconds })
      return boss
    } catch (error) {
      await boss.stop({ graceful: false }).catch(() => undefined)
      throw error
    }
  }

  async #startWorkers(boss: PgBoss, queue: string, handler: JobHandler): Promise<void> {
    const workers: string[] = []
    this.#workers.set(queue, workers)
    // Not `groupConcurrency`, with which two simultaneous fetches can begin two jobs of an account.
    const { pollingSeconds: pollingIntervalSeconds = defaultPollingSeconds } = this.#dependencies
    const options = { pollingIntervalSeconds, localGroupConcurrency: 1 }
    while (workers.length < workersPerQueue)
      workers.push(
        await boss.work<JobData>(queue, options, async ([job]) => {
          if (job === undefined) return
          // Fetches the next job immediately after this one.
          this.wake(queue)
          await this.#work(queue, handler, job.data, job.retryCount >= this.#retries)
        }),
      )
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
      const outcome = await handler.run(id, createBackgroundScope(jobLimitMs, span?.startQuery))
      finish(outcome)
      log.info({ stream: 'application', ...about, outcome }, 'job ended')
    } catch (error) {
      finish('error', error)
      const message = error instanceof Error ? error.message : String(error)
      const text = isLast ? 'job has failed and will not be retried' : 'job will be retried'
      log.error({ stream: 'error', ...about, error: { message } }, text)
      if (isLast) await handler.giveUp(id, createBackgroundScope(jobLimitMs))
      throw error
    }
  }

  /** The counts of the last monitoring, which the queue does once for all instances. */
  async #countJobs(): Promise<QueueState[]> {
    const queues = (await this.#boss?.getQueues([...this.#workers.keys()]).catch(() => [])) ?? []
    return queues.flatMap(({ name: queue, queuedCount, activeCount, failedCount }) => [
      { queue, state: 'waiting', jobs: queuedCount },
      { queue, state: 'active', jobs: activeCount },
      { queue, state: 'failed', jobs: failedCount },
    ])
  }
}
