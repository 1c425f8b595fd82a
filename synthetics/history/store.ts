import { z } from 'zod'
import { probeResultSchema } from '../../record/documents/index.ts'
import type { ProbeResult } from '../../record/index.ts'
import type { CondensedDay } from './condensed.ts'

const entrySchema = z.object({
  probe: z.string(),
  /** The target's URL. */
  target: z.string(),
  /** Milliseconds since 1970 by the wall clock. */
  startedAtMs: z.number(),
  /**
   * Until when the result is valid: its next due time plus a grace period. Null without a known schedule.
   */
  holdsUntilMs: z.number().nullable(),
  result: probeResultSchema,
})
/** A probe's result in the history. */
export type HistoryEntry = z.infer<typeof entrySchema>

/** Parses an entry. Undefined if the text is not one. */
export function parseEntry(text: string): HistoryEntry | undefined {
  try {
    const parsed = entrySchema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

export function toHistoryEntry(
  probeResult: ProbeResult,
  target: string,
  holdsUntilMs: number | null,
): HistoryEntry {
  return {
    probe: probeResult.name,
    target,
    startedAtMs: Date.parse(probeResult.startedAt),
    holdsUntilMs,
    result: probeResult,
  }
}

/** Selects entries that started in [fromMs, toMs). */
export interface HistoryQuery {
  fromMs: number
  toMs: number
}

/** What started earlier is deleted. */
export interface ForgetLimits {
  resultsMs: number
  daysMs: number
}

/** Stores results. All calls are synchronous: `add` returns after the entry is stored. */
export interface HistoryStore {
  /** Stores one entry. Throws if it could not, and then nothing of it is stored. */
  add: (entry: HistoryEntry) => void
  /** Entries by start time, those of one moment in the order of `add`. */
  read: (query: HistoryQuery) => Iterable<HistoryEntry>
  /**
   * Condenses up to about `most` of the oldest entries that started before a time. They stay, too, until they
   * are forgotten. Returns how many.
   */
  condense: (beforeMs: number, most: number) => number
  /** Entries that started before this time are condensed. */
  condensedUntil: () => number
  /** The condensed days of a time, by probe, target and day. */
  days: (query: HistoryQuery) => Iterable<CondensedDay>
  /** Deletes entries that started earlier and are condensed, and days. */
  forget: (limits: ForgetLimits) => void
  /** Damage found so far, which is missing from the entries, one line each. */
  problems: () => readonly string[]
  close: () => void
}

/** Stores results, and continues if that fails. */
export interface Keeper {
  /** Never throws. */
  keep: (entry: HistoryEntry) => void
  /** Never throws; the next call goes on. */
  condense: (beforeMs: number, most: number) => void
  /** Deletes entries that started earlier. Never throws; the next call retries. */
  forget: (limits: ForgetLimits) => void
  /** Number of results that are not stored yet. */
  waiting: () => number
  close: () => void
}

/** Number of results that are kept in memory while the disk is full. Then the oldest are dropped. */
const maxWaiting = 10_000

/**
 * Wraps a store so that its failures do not end a run. If the store rejects a result (a full disk, another
 * writing process), it is kept in memory and retried with the next one. Warns once when that starts, and once
 * when it is over.
 */
export function createKeeper(store: HistoryStore, warn: (problem: string) => void): Keeper {
  const waiting: HistoryEntry[] = []
  let reported = 0
  let failing = false
  let lost = 0
  const warnProblems = (): void => {
    const problems = store.problems()
    for (const problem of problems.slice(reported)) warn(problem)
    reported = problems.length
  }
  return {
    keep: (entry) => {
      waiting.push(entry)
      if (waiting.length > maxWaiting) {
        waiting.shift()
        lost += 1
      }
      try {
        for (let next = waiting[0]; next; next = waiting[0]) {
          store.add(next)
          waiting.shift()
        }
        if (failing)
          warn(`history is stored again${lost === 0 ? '; nothing was lost' : `; ${lost} results were lost`}`)
        failing = false
        lost = 0
      } catch (error) {
        if (!failing)
          warn(
            `history could not be stored: ${error instanceof Error ? error.message : String(error)}; ` +
              'earlier results are intact; vigil retries with each result',
          )
        failing = true
      }
      warnProblems()
    },
    condense: (beforeMs, most) => {
      try {
        store.condense(beforeMs, most)
      } catch {
        // As below.
      }
      warnProblems()
    },
    forget: (limits) => {
      try {
        store.forget(limits)
      } catch {
        // There is already a warning about a full disk, and nothing depends on deleting.
      }
      warnProblems()
    },
    waiting: () => waiting.length,
    close: () => store.close(),
  }
}
