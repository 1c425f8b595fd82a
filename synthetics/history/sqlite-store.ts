import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { isDamagedFile } from '../../record/history/index.ts'
import { openDatabase, idAt, momentOf, rowsOf, rowWriter } from './database.ts'
import type { Row } from './database.ts'
import { salvage } from './salvage.ts'
import type { HistoryQuery, HistoryStore, HistoryEntry } from './store.ts'

/** So many damaged rows are named one by one. */
const mostNamed = 20

/**
 * A history in a file of SQLite, in WAL mode: several processes may use it together, and what was there
 * before survives a crash and a full disk. A file found damaged, whenever that shows, is set aside and named,
 * and the rest is used.
 *
 * @param stamp distinguishes one damaged file from another, such as the time
 */
export function sqliteStore(file: string, stamp: () => string): HistoryStore {
  return new SqliteStore(file, stamp)
}

class SqliteStore implements HistoryStore {
  readonly #file: string
  readonly #stamp: () => string
  readonly #problems: string[] = []
  #damagedRows = new Set<number>()
  #database: DatabaseSync
  #write: (entry: HistoryEntry) => void
  #inode: number | undefined

  constructor(file: string, stamp: () => string) {
    this.#file = file
    this.#stamp = stamp
    this.#database = this.#opened()
    this.#write = rowWriter(this.#database)
    this.#inode = inodeOf(file)
  }

  add(entry: HistoryEntry): void {
    this.#follow()
    this.#mended(() => this.#write(entry))
  }

  read(query: HistoryQuery): Iterable<HistoryEntry> {
    return this.#entries(query)
  }

  *#entries(query: HistoryQuery): Generator<HistoryEntry> {
    let from = query
    try {
      for (const row of rowsOf(this.#database, query)) {
        from = { ...query, fromMs: row.state === 'read' ? row.entry.startedAtMs : from.fromMs }
        yield* this.#intact(row)
      }
    } catch (error) {
      if (!isDamagedFile(error)) throw error
      this.#salvage()
      // Once more from where the damage was; the reader may get the results of that one millisecond twice.
      for (const row of rowsOf(this.#database, from)) yield* this.#intact(row)
    }
  }

  *#intact(row: Row): Generator<HistoryEntry> {
    if (row.state === 'read') yield row.entry
    else this.#damagedRows.add(row.id)
  }

  forget(beforeMs: number): void {
    this.#mended(() => void this.#database.prepare('DELETE FROM results WHERE id < ?').run(idAt(beforeMs)))
  }

  problems(): readonly string[] {
    const rows = [...this.#damagedRows]
    const named = rows
      .slice(0, mostNamed)
      .map((id) => `${this.#file}: the result of ${momentOf(id)} is damaged; it was left out`)
    return [
      ...this.#problems,
      ...named,
      ...(rows.length > mostNamed
        ? [`${this.#file}: and ${rows.length - mostNamed} more damaged results`]
        : []),
    ]
  }

  close(): void {
    this.#database.close()
  }

  // Another process may have found the file damaged and set it aside: what we wrote to our handle would lie
  // there with it.
  #follow(): void {
    if (inodeOf(this.#file) === this.#inode) return
    this.#database.close()
    this.#use(this.#opened())
  }

  #use(database: DatabaseSync): void {
    this.#database = database
    this.#write = rowWriter(database)
    this.#inode = inodeOf(this.#file)
  }

  #opened(): DatabaseSync {
    try {
      return openDatabase(this.#file)
    } catch (error) {
      if (!isDamagedFile(error)) throw error
      return this.#salvaged()
    }
  }

  #mended(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!isDamagedFile(error)) throw error
      this.#salvage()
      work()
    }
  }

  #salvage(): void {
    this.#database.close()
    this.#use(this.#salvaged())
  }

  #salvaged(): DatabaseSync {
    const { database, problem } = salvage(this.#file, this.#stamp())
    this.#problems.push(problem)
    return database
  }
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}
