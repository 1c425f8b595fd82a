import { Problem } from './http/index.ts'
import type { JobHandler, JobQueue, JobQueueDependencies } from './jobs.ts'

/** How long a request waits for the job queue to start; shorter than the time limit of any request. */
const startLimitMs = 3000
const retryMs = 1000

/** A job queue that starts in the background, because requests can be served before it. */
export interface JobStarter {
  /** The queue. Waits briefly for its start; rejects with `unavailable` if it does not start in time. */
  require: () => Promise<JobQueue>
  /** Resolves unless the queue could not start, also when it is tried again: then no one accepts jobs. */
  check: () => Promise<void>
  stop: () => Promise<void>
}

/** Starts the queue, and retries until it succeeds. The handlers are requested in a later turn. */
export function startJobs(
  dependencies: JobQueueDependencies & { isStopping: () => boolean },
  createHandlers: () => Readonly<Record<string, JobHandler>>,
): JobStarter {
  let queue: JobQueue | undefined
  const attempts = new Attempts()
  const starting = (async (): Promise<void> => {
    const { JobQueue: Queue } = await import('./jobs.ts')
    queue = await startWithRetry(dependencies, () => new Queue(dependencies, createHandlers()), attempts)
  })()
  return {
    check: async () => {
      if (queue === undefined && attempts.hasFailed) await attempts.tryNow()
    },
    require: async () => {
      if (queue === undefined)
        await Promise.race([starting, new Promise((resolve) => setTimeout(resolve, startLimitMs).unref())])
      if (queue !== undefined) return queue
      throw new Problem('unavailable', {
        detail: 'The job queue is starting',
        headers: { 'retry-after': '1' },
      })
    },
    stop: async () => {
      await starting
      await queue?.stop(1500).catch(() => undefined)
    },
  }
}

/** What is known of the attempts to start, and the pause between them. */
class Attempts {
  hasFailed = false
  #next = Promise.withResolvers<void>()
  #endPause: () => void = () => undefined

  /**
   * Ends the pause: resolves or rejects as the next attempt does. Otherwise a database that answers again
   * would not be ready for the rest of the pause.
   */
  tryNow(): Promise<void> {
    this.#endPause()
    return this.#next.promise
  }

  /** Called after each attempt. */
  settle(failure: Error | undefined): void {
    const { resolve, reject, promise } = this.#next
    this.#next = Promise.withResolvers()
    this.hasFailed = failure !== undefined
    promise.catch(() => undefined)
    if (failure === undefined) resolve()
    else reject(failure)
  }

  pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#endPause = resolve
      setTimeout(resolve, retryMs)
    })
  }
}

async function startWithRetry(
  { log, isStopping }: JobQueueDependencies & { isStopping: () => boolean },
  createQueue: () => JobQueue,
  attempts: Attempts,
): Promise<JobQueue | undefined> {
  while (!isStopping()) {
    const queue = createQueue()
    try {
      await queue.start()
      attempts.settle(undefined)
      return queue
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown))
      attempts.settle(error)
      log.error({ stream: 'error', error: { message: error.message } }, 'the job queue cannot start yet')
      await queue.stop(0).catch(() => undefined)
      await attempts.pause()
    }
  }
  return undefined
}
