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

export interface Salvaged {
  database: DatabaseSync
  /** One line: what was damaged, where it lies now, and what was saved. */
  problem: string
}

/**
 * Sets a damaged file aside, under a name that says so, and begins a new one with all rows that can still be
 * read from it.
 *
 * @param stamp distinguishes this damaged file from others
 */
export function salvage(file: string, stamp: string): Salvaged {
  const aside = `${file}.damaged-${stamp}`
  for (const ending of ['', '-wal', '-shm'])
    if (existsSync(file + ending)) renameSync(file + ending, aside + ending)
  const database = openDatabase(file)
  const kept = copyReadable(aside, database)
  return {
    database,
    problem:
      `${file}: damaged; set aside as ${aside}, ` +
      `${kept === 0 ? 'none of it could be read' : `${kept} readable results were kept`}`,
  }
}

/** Reads a copy, so that what was set aside stays as it was found. */
function copyReadable(aside: string, database: DatabaseSync): number {
  const copy = `${aside}.reading`
  try {
    for (const ending of ['', '-wal'])
      if (existsSync(aside + ending)) copyFileSync(aside + ending, copy + ending)
    fillUp(copy)
    database.exec('BEGIN IMMEDIATE')
    // From the front up to the damage, then from the back.
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
    // As far as it could be read.
  } finally {
    from?.close()
  }
  return kept
}

/** A header that asks for more is damaged itself. */
const mostBytes = 64 * 2 ** 30

// SQLite reads nothing of a file that is shorter than its first page says. Filled up with zeros, only what is
// missing is.
function fillUp(file: string): void {
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
    size <= mostBytes
  )
    truncateSync(file, size)
}
