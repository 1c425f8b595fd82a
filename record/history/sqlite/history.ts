import type { DatabaseSync } from 'node:sqlite'
import type { RunEntry } from '../entry.ts'
import { parseEntry } from '../entry.ts'
import { momentOf } from '../store.ts'
import type { RunHistory, Series } from '../store.ts'
import { DamagedEntry } from './database.ts'

/** History in an opened database. Its promises reject with what SQLite throws, and with `DamagedEntry` for an entry that is none. */
export function sqliteHistory(database: DatabaseSync): RunHistory {
  const insert = database.prepare(
    'INSERT OR REPLACE INTO runs (id, suite, engine, environment, started_ms, entry) VALUES (?, ?, ?, ?, ?, ?)',
  )
  // Of its own, because to find the few different ones in an index of runs takes a look at each.
  const insertSeries = database.prepare(
    'INSERT OR IGNORE INTO series (suite, engine, environment) VALUES (?, ?, ?)',
  )
  const aside = database.prepare('INSERT OR REPLACE INTO set_aside (id, problem) VALUES (?, ?)')
  const newestOf = database.prepare(
    'SELECT id, entry FROM runs WHERE suite = ? AND engine = ? AND environment = ? ORDER BY started_ms DESC, id DESC LIMIT ?',
  )
  const countOf = database.prepare(
    'SELECT count(*) AS n FROM runs WHERE suite = ? AND engine = ? AND environment = ?',
  )
  const seriesOf = (suite?: string): Series[] => {
    const rows =
      suite === undefined
        ? database
            .prepare('SELECT suite, engine, environment FROM series ORDER BY suite, engine, environment')
            .all()
        : database
            .prepare(
              'SELECT suite, engine, environment FROM series WHERE suite = ? ORDER BY engine, environment',
            )
            .all(suite)
    return rows.map((row) => ({
      suite: String(row['suite']),
      engine: String(row['engine']),
      environment: String(row['environment']),
    }))
  }
  const newest = ({ suite, engine, environment }: Series, count: number): RunEntry[] =>
    newestOf.all(suite, engine, environment, count).map(readRow).toReversed()
  return {
    put: async (entries, setAside) => {
      inTransaction(database, () => {
        for (const entry of entries) {
          insert.run(
            entry.id,
            entry.suite,
            entry.engine,
            entry.environment,
            momentOf(entry),
            JSON.stringify(entry),
          )
          insertSeries.run(entry.suite, entry.engine, entry.environment)
        }
        for (const { id, problem } of setAside) aside.run(id, problem)
      })
    },
    known: async (ids) => {
      const all = new Set(
        database
          .prepare('SELECT id FROM runs')
          .all()
          .map((row) => String(row['id'])),
      )
      return new Set(ids.filter((id) => all.has(id)))
    },
    series: async (suite) => seriesOf(suite),
    runs: async (series, count) => ({
      entries: newest(series, count),
      all: Number(countOf.get(series.suite, series.engine, series.environment)?.['n'] ?? 0),
    }),
    latest: async (suite) =>
      seriesOf(suite)
        .flatMap((series) => newest(series, 1))
        .toSorted((a, b) => momentOf(b) - momentOf(a)),
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
