import { Problem } from './http/index.ts'
import type { JobHandler, JobQueue, JobQueueDependencies } from './jobs.ts'

/** How long a request waits for the job queue to start; shorter than the time limit of any request. */
const startLimitMs = 3000
const retryMs = 1000

/** A job queue that starts in the background, because requests can be served before it. */
export interface JobStarter {
  /** The queue. Waits briefly for its start; rejects with `unavailable` if it does not start in time. */
  require: () => Promise<JobQueue>
  stop: () => Promise<void>
}

/** Starts the queue, and retries until it succeeds. The handlers are requested in a later turn. */
export function startJobs(
  dependencies: JobQueueDependencies & { isStopping: () => boolean },
  createHandlers: () => Readonly<Record<string, JobHandler>>,
): JobStarter {
  let queue: JobQueue | undefined
  const starting = (async (): Promise<void> => {
    const { JobQueue: Queue } = await import('./jobs.ts')
    queue = await startWithRetry(dependencies, () => new Queue(dependencies, createHandlers()))
  })()
  return {
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

async function startWithRetry(
  { log, isStopping }: JobQueueDependencies & { isStopping: () => boolean },
  createQueue: () => JobQueue,
): Promise<JobQueue | undefined> {
  while (!isStopping()) {
    const queue = createQueue()
    try {
      await queue.start()
      return queue
    } catch (error) {
      log.error(
        { stream: 'error', error: { message: error instanceof Error ? error.message : String(error) } },
        'the job queue cannot start yet',
      )
      await queue.stop(0).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }
  return undefined
}
