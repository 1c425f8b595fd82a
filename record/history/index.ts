import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDamage, isRefusal, openIndex, setAside } from './database.ts'
import { sqliteHistory } from './sqlite.ts'
import type { RunHistory } from './store.ts'
import { syncHistory } from './sync.ts'

export { comparableOf } from './entry.ts'
export type { RunEntry } from './entry.ts'
export { prunable, prune } from './prune.ts'
export type { RunHistory, Series, SetAside } from './store.ts'

export interface HistoryOptions {
  /** The folder that runs are kept under. */
  out: string
  /** Tells damaged files from each other, such as the time. */
  stamp: () => string
  /** What was found damaged, one line each. */
  warn: (problem: string) => void
  progress?: (done: number, all: number) => void
}

/** Where the index lies; the records beside it are the source of truth. */
export function historyFile(out: string): string {
  return join(out, 'runs.db')
}

/**
 * Uses the history of runs, brought up to date first. Found damaged while it is used, it is made again once, and used again; where it cannot
 * be written (a full disk, no permission) it is made in memory.
 */
export async function withHistory<T>(options: HistoryOptions, use: (history: RunHistory) => T): Promise<T> {
  const file = historyFile(options.out)
  mkdirSync(options.out, { recursive: true })
  try {
    return await used(file, options, use)
  } catch (error) {
    if (isRefusal(error)) {
      options.warn(`${file}: cannot be written (${error.message}): history is read from the records this time`)
      return used(':memory:', options, use)
    }
    if (!isDamage(error)) throw error
    options.warn(`${file}: damaged; set aside as ${setAside(file, options.stamp())}, and made again from the records`)
    return used(file, options, use)
  }
}

async function used<T>(file: string, { out, stamp, warn, progress }: HistoryOptions, use: (history: RunHistory) => T): Promise<T> {
  const { database, problem } = openIndex(file, stamp)
  if (problem !== undefined) warn(problem)
  try {
    const history = sqliteHistory(database)
    await syncHistory(history, out, progress)
    return use(history)
  } finally {
    database.close()
  }
}
