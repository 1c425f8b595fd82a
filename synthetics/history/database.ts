import { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { parseEntry } from './store.ts'
import type { HistoryQuery, HistoryEntry } from './store.ts'

/** Version of the file's layout. A newer vigil wrote a file with a higher number. */
export const layout = 2

/** Short, because no probe of this process runs while it waits for another writing vigil. */
const busyMs = 250

/** Opens or creates the file of a history. Throws SQLite's errors. */
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
    // Results have the time as their key: there is no separate index that could be damaged.
    if (found < layout) {
      database.exec(`PRAGMA journal_mode = WAL; BEGIN IMMEDIATE;
        CREATE TABLE IF NOT EXISTS results
          (id INTEGER PRIMARY KEY, entry TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS days (day_ms INTEGER NOT NULL, probe TEXT NOT NULL, target TEXT NOT NULL,
          content TEXT NOT NULL, crc INTEGER NOT NULL,
          PRIMARY KEY (probe, target, day_ms)) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS condensed
          (one INTEGER PRIMARY KEY CHECK (one = 1), until_ms INTEGER NOT NULL) STRICT;
        PRAGMA user_version = ${layout}; COMMIT`)
    }
    // A power failure can lose the last results, but never the file.
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
 * A row's key is the result's start in milliseconds times this, plus its number within that millisecond.
 */
const perMs = 1024

/** Creates a function that adds an entry to a database. */
export function createRowWriter(database: DatabaseSync): (entry: HistoryEntry) => void {
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

export type Row = { state: 'ok'; entry: HistoryEntry } | { state: 'invalid'; id: number }

/** Reads rows and verifies their checksums. `backwards` reaches rows after a damaged place. */
export function* readRows(
  database: DatabaseSync,
  { fromMs, toMs }: HistoryQuery,
  backwards = false,
): Generator<Row> {
  const select = database.prepare(
    `SELECT id, entry, crc FROM results WHERE id >= ? AND id < ? ORDER BY id ${backwards ? 'DESC' : 'ASC'}`,
  )
  for (const { id, entry: text, crc } of select.iterate(toRowId(fromMs), toRowId(toMs))) {
    const entry = typeof text === 'string' && crc32(text) === crc ? parseEntry(text) : undefined
    yield entry ? { state: 'ok', entry } : { state: 'invalid', id: Number(id) }
  }
}

/** The start time of a row's result. */
export function toTimestamp(id: number): string {
  return new Date(Math.floor(id / perMs)).toISOString()
}

export function toRowId(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 0) * perMs, Number.MAX_SAFE_INTEGER)
}

export interface SalvageResult {
  database: DatabaseSync
  /** One line: the damaged file, its new name, and what was saved. */
  problem: string
}

/**
 * Renames a damaged file, and creates a new one with all rows that are still readable.
 *
 * @param stamp distinguishes damaged files
 */
export function salvageFile(
  file: string,
  stamp: string,
  copyMore: (from: DatabaseSync, to: DatabaseSync) => void,
): SalvageResult {
  const aside = `${file}.damaged-${stamp}`
  for (const ending of ['', '-wal', '-shm'])
    if (existsSync(file + ending)) renameSync(file + ending, aside + ending)
  const database = openDatabase(file)
  const kept = copyReadable(aside, database, copyMore)
  const saved =
    kept === 0 ? 'nothing in it could be read' : `${kept} results that could be read from it were kept`
  return { database, problem: `${file}: damaged; set aside as ${aside}, ${saved}` }
}

/** Reads a copy, so that the damaged file stays unchanged. */
function copyReadable(
  aside: string,
  database: DatabaseSync,
  copyMore: (from: DatabaseSync, to: DatabaseSync) => void,
): number {
  const copy = `${aside}.reading`
  try {
    for (const ending of ['', '-wal'])
      if (existsSync(aside + ending)) copyFileSync(aside + ending, copy + ending)
    padWithZeros(copy)
    database.exec('BEGIN IMMEDIATE')
    // From the start to the damage, then from the end.
    const kept = copyRows(copy, database, 'ASC') + copyRows(copy, database, 'DESC')
    copyDamaged(copy, database, copyMore)
    database.exec('COMMIT')
    return kept
  } finally {
    for (const ending of ['', '-wal', '-shm']) rmSync(copy + ending, { force: true })
  }
}

function copyDamaged(
  file: string,
  to: DatabaseSync,
  copyMore: (from: DatabaseSync, to: DatabaseSync) => void,
): void {
  let from: DatabaseSync | undefined
  try {
    from = new DatabaseSync(file)
    copyMore(from, to)
  } catch {
    // Rows before the damage were copied.
  } finally {
    from?.close()
  }
}

function copyRows(file: string, to: DatabaseSync, order: 'ASC' | 'DESC'): number {
  const insert = to.prepare('INSERT OR IGNORE INTO results (id, entry, crc) VALUES (?, ?, ?)')
  let kept = 0
  let from: DatabaseSync | undefined
  try {
    from = new DatabaseSync(file)
    for (const { id, entry, crc } of from
      .prepare(`SELECT id, entry, crc FROM results ORDER BY id ${order}`)
      .iterate()) {
      if (typeof id === 'number' && typeof entry === 'string' && typeof crc === 'number')
        kept += Number(insert.run(id, entry, crc).changes)
    }
  } catch {
    // Rows before the damage were copied.
  } finally {
    from?.close()
  }
  return kept
}

/** A header with a larger size is damaged itself. */
const maxBytes = 64 * 2 ** 30

// SQLite reads nothing of a file that is shorter than its header claims. Padding with zeros makes the rest
// readable.
function padWithZeros(file: string): void {
  const header = Buffer.alloc(100)
  const descriptor = openSync(file, 'r')
  try {
    if (readSync(descriptor, header) < header.length) return
  } finally {
    closeSync(descriptor)
  }
  const size = header.readUInt16BE(16) * header.readUInt32BE(28)
  if (
    header.toString('latin1', 0, 15) === 'SQLite format 3' &&
    size > statSync(file).size &&
    size <= maxBytes
  )
    truncateSync(file, size)
}
