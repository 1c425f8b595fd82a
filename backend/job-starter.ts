import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from './http/index.ts'
import type { JobHandler, JobQueue, JobQueueDependencies } from './jobs.ts'

/** How long a request waits for the job queue to start; shorter than the time limit of any request. */
const startLimitMs = 3000
const retryMs = 500

/** A job queue that starts in the background, because requests can be served before it. */
export interface JobStarter {
  /** The queue. Waits briefly for its start; rejects with `unavailable` if it does not start in time. */
  require: () => Promise<JobQueue>
  /** Resolves unless the queue could not start: then no one accepts jobs. */
  check: () => Promise<void>
  stop: () => Promise<void>
}

/** Starts the queue, and retries until it succeeds. The handlers are requested in a later turn. */
export function startJobs(
  dependencies: JobQueueDependencies & { isStopping: () => boolean },
  createHandlers: () => Readonly<Record<string, JobHandler>>,
): JobStarter {
  let queue: JobQueue | undefined
  let hasFailed = false
  let attempt = Promise.withResolvers<void>()
  const start = async (): Promise<void> => {
    const { JobQueue: Queue } = await import('./jobs.ts')
    while (queue === undefined && !dependencies.isStopping()) {
      const candidate = new Queue(dependencies, createHandlers())
      try {
        await candidate.start()
        queue = candidate
        attempt.resolve()
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new Error(String(thrown))
        hasFailed = true
        attempt.promise.catch(() => undefined)
        attempt.reject(error)
        attempt = Promise.withResolvers()
        const { message } = error
        dependencies.log.error({ stream: 'error', error: { message } }, 'the job queue cannot start yet')
        await candidate.stop(0).catch(() => undefined)
        await sleep(retryMs)
      }
    }
  }
  const starting = start()
  return {
    // Waits for the next attempt: a database that answers again is ready without the rest of a pause.
    check: () => (queue === undefined && hasFailed ? attempt.promise : Promise.resolve()),
    require: async () => {
      if (queue === undefined) await Promise.race([starting, sleep(startLimitMs, undefined, { ref: false })])
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
