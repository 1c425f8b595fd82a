import { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { parseEntry } from './store.ts'
import type { HistoryQuery, HistoryEntry } from './store.ts'

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
        `${file}: written by a newer vigil (layout ${found}, expected at most ${layout}): use that ` +
          'one, or give another folder with --out',
      )
    // One table whose key is the time: no index of its own that could be damaged or lag behind.
    if (found === 0) {
      database.exec(`PRAGMA journal_mode = WAL; BEGIN IMMEDIATE;
        CREATE TABLE IF NOT EXISTS results
          (id INTEGER PRIMARY KEY, entry TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
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

/**
 * A row's key is the millisecond in which the result began, times this, and one for each further one of that
 * millisecond.
 */
const perMs = 1024

/** Adds entries to a database; all or nothing. */
export function rowWriter(database: DatabaseSync): (entry: HistoryEntry) => void {
  const insert = database.prepare('INSERT OR IGNORE INTO results (id, entry, crc) VALUES (?, ?, ?)')
  return (entry) => {
    const text = JSON.stringify(entry)
    const first = Math.floor(entry.startedAtMs) * perMs
    for (let slot = 0; slot < perMs; slot += 1) {
      if (insert.run(first + slot, text, crc32(text)).changes > 0) return
    }
    throw new Error(`more than ${perMs} results began in one millisecond`)
  }
}

export type Row = { state: 'read'; entry: HistoryEntry } | { state: 'damaged'; id: number }

/** The rows of a time, each checked by its checksum; `backwards` for what lies behind a damaged place. */
export function* rowsOf(
  database: DatabaseSync,
  { fromMs, toMs }: HistoryQuery,
  backwards = false,
): Generator<Row> {
  const select = database.prepare(
    `SELECT id, entry, crc FROM results WHERE id >= ? AND id < ? ORDER BY id ${backwards ? 'DESC' : 'ASC'}`,
  )
  for (const { id, entry: text, crc } of select.iterate(idAt(fromMs), idAt(toMs))) {
    const entry = typeof text === 'string' && crc32(text) === crc ? parseEntry(text) : undefined
    yield entry ? { state: 'read', entry } : { state: 'damaged', id: Number(id) }
  }
}

/** When the result of a row began. */
export function momentOf(id: number): string {
  return new Date(Math.floor(id / perMs)).toISOString()
}

export function idAt(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 0) * perMs, Number.MAX_SAFE_INTEGER)
}
