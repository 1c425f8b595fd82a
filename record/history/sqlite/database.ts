import { existsSync, renameSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

/**
 * Each brings the file from the layout of its index to the next one. Add to the end, never change one: files
 * of every layout exist.
 */
const migrations = [
  `CREATE TABLE runs (id TEXT PRIMARY KEY, suite TEXT NOT NULL, engine TEXT NOT NULL,
     environment TEXT NOT NULL, started_ms INTEGER NOT NULL, entry TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX runs_by_series ON runs (suite, engine, environment, started_ms);
   CREATE TABLE series (suite TEXT NOT NULL, engine TEXT NOT NULL, environment TEXT NOT NULL,
     PRIMARY KEY (suite, engine, environment)) STRICT, WITHOUT ROWID;
   CREATE TABLE set_aside (id TEXT PRIMARY KEY, problem TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE seen (one INTEGER PRIMARY KEY CHECK (one = 1), state TEXT) STRICT`,
  // Nothing was seen: the records that are still there are read again, for their target and load.
  `ALTER TABLE runs ADD COLUMN target TEXT NOT NULL DEFAULT 'unknown';
   ALTER TABLE runs ADD COLUMN load TEXT NOT NULL DEFAULT 'unknown';
   DROP INDEX runs_by_series;
   CREATE INDEX runs_by_series ON runs (suite, engine, environment, target, load, started_ms);
   ALTER TABLE series RENAME TO old_series;
   CREATE TABLE series (suite TEXT NOT NULL, engine TEXT NOT NULL, environment TEXT NOT NULL,
     target TEXT NOT NULL, load TEXT NOT NULL,
     PRIMARY KEY (suite, engine, environment, target, load)) STRICT, WITHOUT ROWID;
   INSERT INTO series SELECT suite, engine, environment, 'unknown', 'unknown' FROM old_series;
   DROP TABLE old_series;
   DELETE FROM seen`,
  // Clustered by step and time: a year of one step is one stretch of the file.
  `ALTER TABLE runs ADD COLUMN has_steps INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE step_names (id INTEGER PRIMARY KEY, suite TEXT NOT NULL, engine TEXT NOT NULL,
     environment TEXT NOT NULL, target TEXT NOT NULL, load TEXT NOT NULL, step TEXT NOT NULL,
     UNIQUE (suite, engine, environment, target, load, step)) STRICT;
   CREATE TABLE step_runs (step_id INTEGER NOT NULL, started_ms INTEGER NOT NULL, run TEXT NOT NULL,
     requests INTEGER NOT NULL, errors INTEGER NOT NULL, meanMs REAL NOT NULL, p50Ms REAL NOT NULL,
     p90Ms REAL NOT NULL, p95Ms REAL NOT NULL, p99Ms REAL NOT NULL, maxMs REAL NOT NULL,
     PRIMARY KEY (step_id, started_ms, run)) STRICT, WITHOUT ROWID;
   DELETE FROM seen`,
  // The records that are still there are read again, for their histograms.
  `ALTER TABLE runs ADD COLUMN is_thinned INTEGER NOT NULL DEFAULT 0;
   UPDATE runs SET has_steps = 0;
   CREATE TABLE run_histograms (run TEXT PRIMARY KEY, histograms BLOB NOT NULL) STRICT;
   CREATE TABLE merged_steps (step_id INTEGER NOT NULL, started_ms INTEGER NOT NULL, runs INTEGER NOT NULL,
     duration_ms REAL NOT NULL, requests REAL NOT NULL, errors REAL NOT NULL, meanMs REAL NOT NULL,
     p50Ms REAL NOT NULL, p90Ms REAL NOT NULL, p95Ms REAL NOT NULL, p99Ms REAL NOT NULL, maxMs REAL NOT NULL,
     histogram BLOB NOT NULL, PRIMARY KEY (step_id, started_ms)) STRICT;
   DELETE FROM seen`,
] as const
/** The layout of the file; a file with a higher number was written by a newer vigil. */
const layout = migrations.length
/** Another vigil that writes is waited for: a rebuild of a hundred thousand runs takes its time. */
const busyMs = 5000

export type Opened = { database: DatabaseSync; problem?: string }

/**
 * Opens, or makes, the index in a file of SQLite, in WAL mode: several processes may use it concurrently, and
 * earlier contents survive a crash and a full disk. A damaged file is set aside under a name that says so,
 * and created again from the records. So is one of a newer vigil, but for this time and in memory. `stamp`
 * distinguishes damaged files.
 */
export function openIndex(file: string, stamp: () => string): Opened {
  try {
    return { database: prepared(file) }
  } catch (error) {
    if (error instanceof NewerLayout)
      return {
        database: prepared(':memory:'),
        problem:
          `${file}: written by a newer vigil (expected layout ${layout}): history is read from the ` +
          'records this time',
      }
    if (!isDamage(error)) throw error
    const aside = setAside(file, stamp())
    return {
      database: prepared(file),
      problem: `${file}: damaged; set aside as ${aside}, and made again from the records`,
    }
  }
}

export function setAside(file: string, stamp: string): string {
  const aside = `${file}.damaged-${stamp}`
  for (const ending of ['', '-wal', '-shm'])
    if (existsSync(file + ending)) renameSync(file + ending, aside + ending)
  return aside
}

function prepared(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  try {
    database.exec(`PRAGMA busy_timeout = ${busyMs}`)
    if (layoutOf(database) < layout) migrate(database)
    // A power failure may cost the last entries, which are made again from the records, never the file.
    database.exec('PRAGMA synchronous = NORMAL')
    database.prepare('SELECT count(*) AS n FROM seen').get()
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function layoutOf(database: DatabaseSync): number {
  const found = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
  if (found > layout) throw new NewerLayout()
  return found
}

function migrate(database: DatabaseSync): void {
  database.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE')
  // Read again under the lock: another vigil may have migrated the file meanwhile.
  for (const migration of migrations.slice(layoutOf(database))) database.exec(migration)
  database.exec(`PRAGMA user_version = ${layout}; COMMIT`)
}

class NewerLayout extends Error {
  override name = 'NewerLayout'
}

/** Whether the file is damaged, or an entry in it. */
export function isDamage(error: unknown): boolean {
  return error instanceof DamagedEntry || isDamagedFile(error)
}

const readOnly = 8
// Also the error of a full disk when the shared memory file next to the database does not fit.
const inputOutput = 10
const full = 13
const cannotOpen = 14

/** Whether the disk refused the file: full, read-only or forbidden. */
export function isRefusal(error: unknown): error is Error {
  return (
    error instanceof Error &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    [readOnly, inputOutput, full, cannotOpen].includes(error.errcode & 0xff)
  )
}

/** An entry that cannot be read back: as much damage as what SQLite finds itself. */
export class DamagedEntry extends Error {
  override name = 'DamagedEntry'
}

const corrupt = 11
const notADatabase = 26

/** Whether SQLite reports that the file itself is damaged, rather than busy, full or forbidden. */
export function isDamagedFile(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return false
  // The lower byte; the others are details.
  return [corrupt, notADatabase].includes(error.errcode & 0xff)
}

/** All of the work or none of it. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const done = work()
    database.exec('COMMIT')
    return done
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
