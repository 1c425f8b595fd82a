import type { HistoryEntry } from './entry.ts'

/** Which entries: those that began in [fromMs, toMs). */
export interface HistoryQuery {
  fromMs: number
  toMs: number
}

/** Where results are kept. Everything is synchronous: an entry that was added is there. */
export interface HistoryStore {
  /** Keeps one entry. Throws when it could not be kept, and then nothing of it was. */
  add: (entry: HistoryEntry) => void
  /** Entries by the time they began; those of one moment in the order in which they were added. */
  read: (query: HistoryQuery) => Iterable<HistoryEntry>
  /** Forgets what began before. */
  forget: (beforeMs: number) => void
  /** What was found damaged so far and is not among the entries, one line each. */
  problems: () => readonly string[]
  close: () => void
}
