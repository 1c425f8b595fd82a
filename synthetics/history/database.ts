import { DatabaseSync } from 'node:sqlite'

/** The layout of the file; a file with a higher number was written by a newer vigil. */
export const layout = 1

/** Another vigil that writes is waited for only shortly: meanwhile no probe of ours runs. */
const busyMs = 250

/** Opens, or makes, the file of a history. Throws what SQLite throws. */
export function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  try {
    database.exec(`PRAGMA busy_timeout = ${busyMs}`)
    const found = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
    if (found > layout)
      throw new NewerLayout(
        `${file}: written by a newer vigil (layout ${found}, expected at most ${layout}): use that one, or give another folder with --out`,
      )
    // One table whose key is the time: no index of its own that could be damaged or lag behind.
    if (found === 0) {
      database.exec(`PRAGMA journal_mode = WAL; BEGIN IMMEDIATE;
        CREATE TABLE IF NOT EXISTS results (id INTEGER PRIMARY KEY, entry TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
        PRAGMA user_version = ${layout}; COMMIT`)
    }
    // A power failure may cost the last results, never the file.
    database.exec('PRAGMA synchronous = NORMAL')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

export class NewerLayout extends Error {
  override name = 'NewerLayout'
}
