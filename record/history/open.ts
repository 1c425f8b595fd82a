import type { HistoryDatabase, RunHistory } from './store.ts'
import { withSqlite } from './sqlite/history.ts'
import type { SqliteOptions } from './sqlite/history.ts'
import { syncHistory } from './sync.ts'

export interface HistoryOptions extends SqliteOptions {
  /** A PostgreSQL that several machines keep their history in; a file next to the runs when there is none. */
  database?: HistoryDatabase | undefined
  progress?: (done: number, all: number) => void
}

/**
 * Uses the history of runs, brought up to date with the records under `out` first. Throws
 * `HistoryUnavailable` for a database that cannot be used.
 */
export async function withHistory<T>(
  options: HistoryOptions,
  use: (history: RunHistory) => Promise<T> | T,
): Promise<T> {
  const { database, out, progress } = options
  const synced = async (history: RunHistory): Promise<T> => {
    await syncHistory(history, out, progress)
    return use(history)
  }
  if (database === undefined) return withSqlite(options, synced)
  const { withPostgres } = await import('./postgres/connect.ts')
  return withPostgres(database, synced)
}
