import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const lockFile = 'todo-backend.lock'
const busy = 5

/** Referenced here, because a collected one gives its lock back. */
const held = new Set<DatabaseSync>()

/**
 * Takes the data in `dir` for this process; throws a one-line error if another backend uses it. A pid does
 * not identify a backend: the system uses it again, and in every container the first process is 1. So this is
 * a lock of the operating system, which ends with its process, however that ends. Node has such locks only
 * through SQLite.
 *
 * @returns gives the data back
 */
export function claimData(dir: string): () => void {
  const lock = new DatabaseSync(join(dir, lockFile), { timeout: 0 })
  try {
    lock.exec('PRAGMA journal_mode = off; BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    if (!(error instanceof Error && 'errcode' in error && error.errcode === busy)) throw error
    throw new Error(
      `${dir}: in use by another backend: end it, or set EMBEDDED_POSTGRES_DIR or DATABASE_URL`,
      { cause: error },
    )
  }
  held.add(lock)
  return () => {
    held.delete(lock)
    lock.close()
  }
}
