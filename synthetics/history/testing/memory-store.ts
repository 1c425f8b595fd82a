import type { HistoryStore, HistoryEntry } from '../store.ts'

/** A history that lasts as long as the process. */
export function memoryStore(): HistoryStore {
  let entries: HistoryEntry[] = []
  return {
    add: (entry) => void entries.push(structuredClone(entry)),
    read: ({ fromMs, toMs }) =>
      entries
        .filter(({ startedAtMs }) => startedAtMs >= fromMs && startedAtMs < toMs)
        .toSorted((a, b) => a.startedAtMs - b.startedAtMs),
    condense: () => 0,
    condensedUntil: () => 0,
    days: () => [],
    forget: ({ resultsMs }) => {
      entries = entries.filter(({ startedAtMs }) => startedAtMs >= resultsMs)
    },
    problems: () => [],
    close: () => undefined,
  }
}
