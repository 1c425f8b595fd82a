import { z } from 'zod'
import { probeResultSchema } from '../../record/documents/index.ts'
import type { ProbeResult } from '../../record/index.ts'

const entrySchema = z.object({
  probe: z.string(),
  /** The URL it was run against. */
  target: z.string(),
  /** Milliseconds since 1970 by the wall clock. */
  startedAtMs: z.number(),
  /**
   * Until when it is taken to hold: its next due time with some patience. Null when no schedule was known.
   */
  holdsUntilMs: z.number().nullable(),
  result: probeResultSchema,
})
/** A probe's result as history keeps it. */
export type HistoryEntry = z.infer<typeof entrySchema>

/** Reads an entry back; undefined for what is none. */
export function parseEntry(text: string): HistoryEntry | undefined {
  try {
    const parsed = entrySchema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

export function entryOf(probeResult: ProbeResult, target: string, holdsUntilMs: number | null): HistoryEntry {
  return {
    probe: probeResult.name,
    target,
    startedAtMs: Date.parse(probeResult.startedAt),
    holdsUntilMs,
    result: probeResult,
  }
}

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

/** Keeps results as they come, and goes on when that fails. */
export interface Keeper {
  /** Never throws. */
  keep: (entry: HistoryEntry) => void
  /** Forgets what began before. Never throws; what could not be forgotten now is the next time. */
  forget: (beforeMs: number) => void
  /** Results that could not be written yet. */
  waiting: () => number
  close: () => void
}

/** So many results are held back while the disk is full; then the oldest are given up. */
const mostWaiting = 10_000

/**
 * A store that must not end a run: what it refuses (a full disk, another process that writes) is held back
 * and tried again with the next result. Reported once when that begins, and once when it is over.
 */
export function keeper(store: HistoryStore, warn: (problem: string) => void): Keeper {
  const waiting: HistoryEntry[] = []
  let reported = 0
  let failing = false
  let lost = 0
  const reportProblems = (): void => {
    const problems = store.problems()
    for (const problem of problems.slice(reported)) warn(problem)
    reported = problems.length
  }
  return {
    keep: (entry) => {
      waiting.push(entry)
      if (waiting.length > mostWaiting) {
        waiting.shift()
        lost += 1
      }
      try {
        for (let next = waiting[0]; next; next = waiting[0]) {
          store.add(next)
          waiting.shift()
        }
        if (failing)
          warn(`history is kept again${lost === 0 ? '; nothing was lost' : `; ${lost} results were lost`}`)
        failing = false
        lost = 0
      } catch (error) {
        if (!failing)
          warn(
            `history could not be kept: ${error instanceof Error ? error.message : String(error)}; ` +
              'earlier results are intact, and it is tried again with each result',
          )
        failing = true
      }
      reportProblems()
    },
    forget: (beforeMs) => {
      try {
        store.forget(beforeMs)
      } catch {
        // A full disk has its warning already, and nothing depends on forgetting.
      }
      reportProblems()
    },
    waiting: () => waiting.length,
    close: () => store.close(),
  }
}
