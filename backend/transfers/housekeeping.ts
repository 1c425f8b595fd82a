import { backgroundScope } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { expired } from './statements.ts'

const dayMs = 24 * 3600_000
const everyMs = 10 * 60_000

/** Deletes what has served its time, every ten minutes: keys and files after a day, sessions and windows when they are over. */
export function keepHouse(database: Database, now: () => number): { stop: () => void } {
  const clean = async (): Promise<void> => {
    const values = { before: new Date(now() - dayMs).toISOString(), now: new Date(now()).toISOString() }
    // What fails now is tried again in ten minutes; an outage is reported by the pool.
    for (const statement of expired)
      await database.run(backgroundScope(10_000), statement, values).catch(() => undefined)
  }
  const timer = setInterval(() => void clean(), everyMs)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}
