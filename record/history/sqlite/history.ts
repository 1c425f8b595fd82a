import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { parseEntry, stepColumns, unknownKey } from '../entry.ts'
import type { KeptRun, RunEntry, StepRun } from '../entry.ts'
import { mergedId } from '../merge.ts'
import { DamagedEntry, inTransaction, isDamage, isRefusal, openIndex, setAside } from './database.ts'
import { readFigures, thinner } from './thin.ts'
import { momentOf, seriesKeys } from '../store.ts'
import type { RunHistory, Series } from '../store.ts'

/**
 * History in an opened database. Its promises reject with what SQLite throws, and with `DamagedEntry` for an
 * unreadable entry.
 */
export function sqliteHistory(database: DatabaseSync): RunHistory {
  return {
    ...entryWriter(database),
    ...entryReader(database),
    ...stepReader(database),
    ...thinner(database),
    ...folderState(database),
  }
}

const columns = seriesKeys.join(', ')
const isOfSeries = seriesKeys.map((key) => `${key} = ?`).join(' AND ')

function valuesOf(series: Series): string[] {
  return seriesKeys.map((key) => series[key])
}

function entryWriter(database: DatabaseSync): Pick<RunHistory, 'put'> {
  const insert = database.prepare(
    `INSERT INTO runs (id, ${columns}, started_ms, entry, has_steps) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)
     ON CONFLICT (id) DO UPDATE SET (${columns}, started_ms, entry, has_steps) =
       (${seriesKeys.map((key) => `excluded.${key}`).join(', ')}, excluded.started_ms, excluded.entry, 1)
     RETURNING is_thinned`,
  )
  const insertHistograms = database.prepare(
    'INSERT OR REPLACE INTO run_histograms (run, histograms) VALUES (?, ?)',
  )
  // A table of its own, because finding the few distinct series in an index of runs reads every run.
  const insertSeries = database.prepare(`INSERT OR IGNORE INTO series (${columns}) VALUES (?, ?, ?, ?, ?)`)
  const insertSetAside = database.prepare('INSERT OR REPLACE INTO set_aside (id, problem) VALUES (?, ?)')
  const steps = stepWriter(database)
  return {
    put: async (entries, damaged) => {
      inTransaction(database, () => {
        for (const { steps: own, histograms, ...entry } of entries) {
          steps.remove(entry.id)
          const kept = insert.get(entry.id, ...valuesOf(entry), momentOf(entry), JSON.stringify(entry))
          insertSeries.run(...valuesOf(entry))
          // The steps of a run that was merged are in the merged rows.
          if (kept?.['is_thinned'] === 1) continue
          steps.insert({ ...entry, steps: own })
          if (histograms !== undefined) insertHistograms.run(entry.id, Buffer.from(histograms, 'base64'))
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
  const selectKnown = database.prepare('SELECT 1 FROM runs WHERE id = ? AND load <> ? AND has_steps = 1')
  const selectCount = database.prepare(`SELECT count(*) AS n FROM runs WHERE ${isOfSeries}`)
  const newest = (series: Series, count: number): RunEntry[] =>
    selectNewest
      .all(...valuesOf(series), count)
      .map(readRow)
      .toReversed()
  return {
    // One by one: of a million runs, a folder holds those that were not pruned.
    known: async (ids) => new Set(ids.filter((id) => selectKnown.get(id, unknownKey) !== undefined)),
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

interface StepWriter {
  /** Of an earlier entry of the run, which may be of another series or time. */
  remove: (run: string) => void
  insert: (run: KeptRun) => void
}

function stepWriter(database: DatabaseSync): StepWriter {
  const selectRun = database.prepare(`SELECT ${columns}, started_ms FROM runs WHERE id = ?`)
  const selectName = database.prepare(`SELECT id FROM step_names WHERE ${isOfSeries} AND step = ?`)
  const selectNames = database.prepare(`SELECT id FROM step_names WHERE ${isOfSeries}`)
  const insertName = database.prepare(`INSERT INTO step_names (${columns}, step) VALUES (?, ?, ?, ?, ?, ?)`)
  const remove = database.prepare('DELETE FROM step_runs WHERE step_id = ? AND started_ms = ? AND run = ?')
  const insert = database.prepare(
    `INSERT INTO step_runs (step_id, started_ms, run, ${stepColumns.join(', ')})
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  return {
    remove: (run) => {
      const earlier = selectRun.get(run)
      if (earlier === undefined) return
      const names = selectNames.all(...valuesOf(readSeriesRow(earlier)))
      for (const { id } of names) remove.run(Number(id), Number(earlier['started_ms']), run)
    },
    insert: (run) => {
      for (const [step, figures] of Object.entries(run.steps)) {
        const known = selectName.get(...valuesOf(run), step)?.['id']
        const id = known ?? insertName.run(...valuesOf(run), step).lastInsertRowid
        insert.run(Number(id), momentOf(run), run.id, ...stepColumns.map((column) => figures[column]))
      }
    },
  }
}

function stepReader(database: DatabaseSync): Pick<RunHistory, 'steps' | 'step'> {
  return {
    steps: async (series) =>
      database
        .prepare(`SELECT step FROM step_names WHERE ${isOfSeries} ORDER BY step`)
        .all(...valuesOf(series))
        .map(({ step }) => String(step)),
    step: async (series, step, { newest, fromMs = 0 }) =>
      database
        .prepare(
          `WITH own AS (SELECT id FROM step_names WHERE ${isOfSeries} AND step = ?)
           SELECT run, started_ms, 0 AS runs, 0 AS duration_ms, ${stepColumns.join(', ')} FROM step_runs
             WHERE step_id = (SELECT id FROM own) AND started_ms >= ?
           UNION ALL
           SELECT '', started_ms, runs, duration_ms, ${stepColumns.join(', ')} FROM merged_steps
             WHERE step_id = (SELECT id FROM own) AND started_ms >= ?
           ORDER BY started_ms DESC, run DESC LIMIT ?`,
        )
        .all(...valuesOf(series), step, fromMs, fromMs, newest)
        .map(readStepRow)
        .toReversed(),
  }
}

function readStepRow(row: Record<string, unknown>): StepRun {
  const startedMs = Number(row['started_ms'])
  const [runs, durationMs] = [Number(row['runs']), Number(row['duration_ms'])]
  return runs === 0
    ? { run: String(row['run']), startedMs, figures: readFigures(row) }
    : { run: mergedId(startedMs), startedMs, figures: readFigures(row), merged: { runs, durationMs } }
}

function readSeries(database: DatabaseSync, suite?: string): Series[] {
  const isItsRun = seriesKeys.map((key) => `runs.${key} = series.${key}`).join(' AND ')
  const hasRun = `EXISTS (SELECT 1 FROM runs WHERE ${isItsRun})`
  const isAsked = suite === undefined ? '' : ' AND suite = ?'
  return database
    .prepare(`SELECT ${columns} FROM series WHERE ${hasRun}${isAsked} ORDER BY ${columns}`)
    .all(...(suite === undefined ? [] : [suite]))
    .map(readSeriesRow)
}

function readSeriesRow(row: Record<string, unknown>): Series {
  return {
    suite: String(row['suite']),
    engine: String(row['engine']),
    environment: String(row['environment']),
    target: String(row['target']),
    load: String(row['load']),
  }
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
