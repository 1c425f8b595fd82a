import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { parseEntry, unknownKey } from '../entry.ts'
import type { RunEntry } from '../entry.ts'
import { DamagedEntry, isDamage, isRefusal, openIndex, setAside } from './database.ts'
import { momentOf, seriesKeys } from '../store.ts'
import type { RunHistory, Series } from '../store.ts'

/**
 * History in an opened database. Its promises reject with what SQLite throws, and with `DamagedEntry` for an
 * unreadable entry.
 */
export function sqliteHistory(database: DatabaseSync): RunHistory {
  return { ...entryWriter(database), ...entryReader(database), ...folderState(database) }
}

const columns = seriesKeys.join(', ')
const isOfSeries = seriesKeys.map((key) => `${key} = ?`).join(' AND ')

function valuesOf(series: Series): string[] {
  return seriesKeys.map((key) => series[key])
}

function entryWriter(database: DatabaseSync): Pick<RunHistory, 'put'> {
  const insert = database.prepare(
    `INSERT OR REPLACE INTO runs (id, ${columns}, started_ms, entry) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  // A table of its own, because finding the few distinct series in an index of runs reads every run.
  const insertSeries = database.prepare(`INSERT OR IGNORE INTO series (${columns}) VALUES (?, ?, ?, ?, ?)`)
  const insertSetAside = database.prepare('INSERT OR REPLACE INTO set_aside (id, problem) VALUES (?, ?)')
  return {
    put: async (entries, damaged) => {
      inTransaction(database, () => {
        for (const entry of entries) {
          insert.run(entry.id, ...valuesOf(entry), momentOf(entry), JSON.stringify(entry))
          insertSeries.run(...valuesOf(entry))
        }
        for (const { id, problem } of damaged) insertSetAside.run(id, problem)
      })
    },
  }
}

function entryReader(database: DatabaseSync): Pick<RunHistory, 'known' | 'series' | 'runs' | 'latest'> {
  const selectNewest = database.prepare(
    `SELECT id, entry FROM runs WHERE ${isOfSeries} ORDER BY started_ms DESC, id DESC LIMIT ?`,
  )
  const selectCount = database.prepare(`SELECT count(*) AS n FROM runs WHERE ${isOfSeries}`)
  const newest = (series: Series, count: number): RunEntry[] =>
    selectNewest
      .all(...valuesOf(series), count)
      .map(readRow)
      .toReversed()
  return {
    known: async (ids) => {
      const all = new Set(
        database
          .prepare('SELECT id FROM runs WHERE load <> ?')
          .all(unknownKey)
          .map((row) => String(row['id'])),
      )
      return new Set(ids.filter((id) => all.has(id)))
    },
    series: async (suite) => readSeries(database, suite),
    runs: async (series, count) => ({
      entries: newest(series, count),
      all: Number(selectCount.get(...valuesOf(series))?.['n'] ?? 0),
    }),
    latest: async (suite) =>
      readSeries(database, suite)
        .flatMap((series) => newest(series, 1))
        .toSorted((a, b) => momentOf(b) - momentOf(a)),
  }
}

function readSeries(database: DatabaseSync, suite?: string): Series[] {
  const isItsRun = seriesKeys.map((key) => `runs.${key} = series.${key}`).join(' AND ')
  const hasRun = `EXISTS (SELECT 1 FROM runs WHERE ${isItsRun})`
  const isAsked = suite === undefined ? '' : ' AND suite = ?'
  return database
    .prepare(`SELECT ${columns} FROM series WHERE ${hasRun}${isAsked} ORDER BY ${columns}`)
    .all(...(suite === undefined ? [] : [suite]))
    .map((row) => ({
      suite: String(row['suite']),
      engine: String(row['engine']),
      environment: String(row['environment']),
      target: String(row['target']),
      load: String(row['load']),
    }))
}

function folderState(
  database: DatabaseSync,
): Pick<RunHistory, 'setAside' | 'forgetSetAside' | 'seen' | 'markSeen'> {
  return {
    setAside: async () =>
      database
        .prepare('SELECT id, problem FROM set_aside ORDER BY id')
        .all()
        .map((row) => ({ id: String(row['id']), problem: String(row['problem']) })),
    forgetSetAside: async () => database.exec('DELETE FROM set_aside'),
    seen: async () => {
      const state = database.prepare('SELECT state FROM seen').get()?.['state']
      return typeof state === 'string' ? state : undefined
    },
    markSeen: async (state) =>
      void database.prepare('INSERT OR REPLACE INTO seen (one, state) VALUES (1, ?)').run(state ?? null),
  }
}

function readRow({ id, entry: text }: Record<string, unknown>): RunEntry {
  const entry = typeof text === 'string' ? parseEntry(text) : undefined
  if (!entry || entry.id !== id) throw new DamagedEntry(`the entry of ${String(id)} cannot be read`)
  return entry
}

function inTransaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    work()
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** The file of the index; the records next to it are the source of truth. */
export function historyFile(out: string): string {
  return join(out, 'runs.db')
}

export interface SqliteOptions {
  /** The folder that runs are kept under. */
  out: string
  /** Distinguishes damaged files, such as the time. */
  stamp: () => string
  /** What was found damaged, one line each. */
  warn: (problem: string) => void
}

/**
 * Uses the index in a file of SQLite. Found damaged while it is used, it is made again once, and used again;
 * where it cannot be written (a full disk, no permission) it is made in memory.
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
