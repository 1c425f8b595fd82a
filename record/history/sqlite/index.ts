import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { RunHistory } from '../store.ts'
import { isDamage, isRefusal, openIndex, setAside } from './database.ts'
import { sqliteHistory } from './history.ts'

/** Where the index lies; the records beside it are the source of truth. */
export function historyFile(out: string): string {
  return join(out, 'runs.db')
}

export interface SqliteOptions {
  /** The folder that runs are kept under. */
  out: string
  /** Tells damaged files from each other, such as the time. */
  stamp: () => string
  /** What was found damaged, one line each. */
  warn: (problem: string) => void
}

/**
 * Uses the index in a file of SQLite. Found damaged while it is used, it is made again once, and used again; where it cannot
 * be written (a full disk, no permission) it is made in memory.
 */
export async function withSqlite<T>(
  options: SqliteOptions,
  use: (history: RunHistory) => Promise<T>,
): Promise<T> {
  const file = historyFile(options.out)
  mkdirSync(options.out, { recursive: true })
  try {
    return await used(file, options, use)
  } catch (error) {
    if (isRefusal(error)) {
      options.warn(
        `${file}: cannot be written (${error.message}): history is read from the records this time`,
      )
      return used(':memory:', options, use)
    }
    if (!isDamage(error)) throw error
    options.warn(
      `${file}: damaged; set aside as ${setAside(file, options.stamp())}, and made again from the records`,
    )
    return used(file, options, use)
  }
}

async function used<T>(
  file: string,
  { stamp, warn }: SqliteOptions,
  use: (history: RunHistory) => Promise<T>,
): Promise<T> {
  const { database, problem } = openIndex(file, stamp)
  if (problem !== undefined) warn(problem)
  try {
    return await use(sqliteHistory(database))
  } finally {
    database.close()
  }
}
