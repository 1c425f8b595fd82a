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
import { DatabaseSync } from 'node:sqlite'
import { openDatabase } from './database.ts'

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
export function salvageFile(file: string, stamp: string): SalvageResult {
  const aside = `${file}.damaged-${stamp}`
  for (const ending of ['', '-wal', '-shm'])
    if (existsSync(file + ending)) renameSync(file + ending, aside + ending)
  const database = openDatabase(file)
  const kept = copyReadable(aside, database)
  const saved =
    kept === 0 ? 'nothing in it could be read' : `${kept} results that could be read from it were kept`
  return { database, problem: `${file}: damaged; set aside as ${aside}, ${saved}` }
}

/** Reads a copy, so that the damaged file stays unchanged. */
function copyReadable(aside: string, database: DatabaseSync): number {
  const copy = `${aside}.reading`
  try {
    for (const ending of ['', '-wal'])
      if (existsSync(aside + ending)) copyFileSync(aside + ending, copy + ending)
    padWithZeros(copy)
    database.exec('BEGIN IMMEDIATE')
    // From the start to the damage, then from the end.
    const kept = copyRows(copy, database, 'ASC') + copyRows(copy, database, 'DESC')
    database.exec('COMMIT')
    return kept
  } finally {
    for (const ending of ['', '-wal', '-shm']) rmSync(copy + ending, { force: true })
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
