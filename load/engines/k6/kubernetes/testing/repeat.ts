import { setTimeout as delay } from 'node:timers/promises'

/** Does something again and again until it is stopped. What fails is done again, as a controller does. */
export function repeat(everyMs: number, work: () => Promise<void>): { stop: () => Promise<void> } {
  const stopped = new AbortController()
  const { signal } = stopped
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await work().catch(() => undefined)
      await delay(everyMs, undefined, { signal }).catch(() => undefined)
    }
  }
  const done = run()
  return {
    stop: async () => {
      stopped.abort()
      await done
    },
  }
}
