import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { isDamagedFile } from '../../record/history/index.ts'
import {
  addToDays,
  condenseRows,
  copyDays,
  forgetBefore,
  readCondensedUntil,
  readDays,
} from './condensed-rows.ts'
import type { CondensedDay } from './condensed.ts'
import { openDatabase, toTimestamp, readRows, createRowWriter, salvageFile } from './database.ts'
import type { Row } from './database.ts'
import type { ForgetLimits, HistoryQuery, HistoryStore, HistoryEntry } from './store.ts'

/** Number of damaged rows that are reported individually. */
const maxReported = 20

/**
 * Opens a history in a SQLite file in WAL mode. Several processes can use it at the same time, and earlier
 * results survive a crash and a full disk. When damage is found, the file is set aside and reported, and its
 * readable rows are used.
 *
 * @param stamp distinguishes damaged files, for example the time
 */
export function openSqliteStore(file: string, stamp: () => string): HistoryStore {
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
    this.#database = this.#open()
    this.#write = createRowWriter(this.#database)
    this.#inode = readInode(file)
  }

  add(entry: HistoryEntry): void {
    this.#reopenIfReplaced()
    this.#withSalvage(() => {
      this.#write(entry)
      // It was stored late: the results around it are condensed.
      if (entry.startedAtMs < readCondensedUntil(this.#database)) addToDays(this.#database, [entry])
    })
  }

  read(query: HistoryQuery): Iterable<HistoryEntry> {
    return this.#entries(query)
  }

  *#entries(query: HistoryQuery): Generator<HistoryEntry> {
    let from = query
    try {
      for (const row of readRows(this.#database, query)) {
        from = { ...query, fromMs: row.state === 'ok' ? row.entry.startedAtMs : from.fromMs }
        yield* this.#collect(row)
      }
    } catch (error) {
      if (!isDamagedFile(error)) throw error
      this.#salvage()
      // Continue at the damage. The reader may get the results of that millisecond twice.
      for (const row of readRows(this.#database, from)) yield* this.#collect(row)
    }
  }

  *#collect(row: Row): Generator<HistoryEntry> {
    if (row.state === 'ok') yield row.entry
    else this.#damagedRows.add(row.id)
  }

  condense(beforeMs: number, most: number): number {
    this.#reopenIfReplaced()
    return this.#withSalvage(() => {
      const { count, damaged } = condenseRows(this.#database, beforeMs, most)
      for (const id of damaged) this.#damagedRows.add(id)
      return count
    })
  }

  condensedUntil(): number {
    return this.#withSalvage(() => readCondensedUntil(this.#database))
  }

  *days(query: HistoryQuery): Generator<CondensedDay> {
    // One probe in memory at a time. A file that is found damaged here is made again at the next opening.
    for (const row of readDays(this.#database, query))
      if (row.state === 'ok') yield row.day
      else this.#problems.push(`${this.#file}: the ${row.name} is damaged and was left out`)
  }

  forget(limits: ForgetLimits): void {
    this.#withSalvage(() => forgetBefore(this.#database, limits))
  }

  problems(): readonly string[] {
    const rows = [...this.#damagedRows]
    const named = rows
      .slice(0, maxReported)
      .map((id) => `${this.#file}: the result of ${toTimestamp(id)} is damaged and was left out`)
    return [
      ...this.#problems,
      ...named,
      ...(rows.length > maxReported
        ? [`${this.#file}: and ${rows.length - maxReported} more damaged results`]
        : []),
    ]
  }

  close(): void {
    this.#database.close()
  }

  // Another process may have set a damaged file aside: writes to this handle would go there too.
  #reopenIfReplaced(): void {
    if (readInode(this.#file) === this.#inode) return
    this.#database.close()
    this.#use(this.#open())
  }

  #use(database: DatabaseSync): void {
    this.#database = database
    this.#write = createRowWriter(database)
    this.#inode = readInode(this.#file)
  }

  #open(): DatabaseSync {
    try {
      return openDatabase(this.#file)
    } catch (error) {
      if (!isDamagedFile(error)) throw error
      return this.#salvaged()
    }
  }

  #withSalvage<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (!isDamagedFile(error)) throw error
      this.#salvage()
      return work()
    }
  }

  #salvage(): void {
    this.#database.close()
    this.#use(this.#salvaged())
  }

  #salvaged(): DatabaseSync {
    const { database, problem } = salvageFile(this.#file, this.#stamp(), copyDays)
    this.#problems.push(problem)
    return database
  }
}

function readInode(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}
