import type { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { createCondenser, formatDay, parseDay } from './condensed.ts'
import type { CondensedDay } from './condensed.ts'
import { readRows, toRowId } from './database.ts'
import { createFlakeCounter } from './flakes.ts'
import type { HistoryEntry, HistoryQuery } from './store.ts'
import { rankOf } from './timeline.ts'

const dayMs = 86_400_000

/** Results before this time are in the days. */
export function readCondensedUntil(database: DatabaseSync): number {
  return Number(database.prepare('SELECT until_ms FROM condensed').get()?.['until_ms'] ?? 0)
}

/**
 * Condenses the oldest results that are not yet, up to `beforeMs` and about `most` of them: all of a
 * millisecond or none. Returns how many, and the rows that could not be read.
 */
export function condenseRows(
  database: DatabaseSync,
  beforeMs: number,
  most: number,
): { count: number; damaged: number[] } {
  const fromMs = readCondensedUntil(database)
  const entries: HistoryEntry[] = []
  const damaged: number[] = []
  let untilMs = beforeMs
  for (const row of readRows(database, { fromMs, toMs: beforeMs })) {
    const last = entries.at(-1)
    if (row.state === 'invalid') damaged.push(row.id)
    else if (last !== undefined && entries.length >= most && last.startedAtMs < row.entry.startedAtMs) {
      untilMs = Math.floor(last.startedAtMs) + 1
      break
    } else entries.push(row.entry)
  }
  if (untilMs <= fromMs) return { count: 0, damaged }
  database.exec('BEGIN IMMEDIATE')
  try {
    // Read again under the lock: another process may have condensed the same results meanwhile.
    if (readCondensedUntil(database) === fromMs) {
      addToDays(database, entries)
      database.prepare('INSERT OR REPLACE INTO condensed (one, until_ms) VALUES (1, ?)').run(untilMs)
    }
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
  return { count: entries.length, damaged }
}

/** Adds results to the rows of their days. */
export function addToDays(database: DatabaseSync, entries: readonly HistoryEntry[]): void {
  const select = database.prepare(
    'SELECT content, crc FROM days WHERE day_ms = ? AND probe = ? AND target = ?',
  )
  const insert = database.prepare(
    'INSERT OR REPLACE INTO days (day_ms, probe, target, content, crc) VALUES (?, ?, ?, ?, ?)',
  )
  const groups = Map.groupBy(entries, ({ probe, target, startedAtMs }) =>
    JSON.stringify([Math.floor(startedAtMs / dayMs), probe, target]),
  )
  for (const [first, ...rest] of groups.values()) {
    if (first === undefined) continue
    const { probe, target } = first
    const of = { probe, target, dayMs: Math.floor(first.startedAtMs / dayMs) * dayMs }
    const found = select.get(of.dayMs, probe, target)
    const text = formatDay(
      addToDay(found === undefined ? undefined : readDay(of, found), of, [first, ...rest]),
    )
    insert.run(of.dayMs, probe, target, text, crc32(text))
  }
}

function addToDay(
  earlier: CondensedDay | undefined,
  of: Pick<CondensedDay, 'probe' | 'target' | 'dayMs'>,
  entries: readonly HistoryEntry[],
): CondensedDay {
  const flakes = createFlakeCounter()
  flakes.addAll(earlier?.steps ?? [])
  for (const { result } of entries) flakes.add(result)
  const added = entries.map(({ startedAtMs, holdsUntilMs, result }) => ({
    startedAtMs,
    holdsUntilMs,
    outcome: result.outcome,
    count: 1,
  }))
  const { add, stretches } = createCondenser()
  for (const one of [...(earlier?.stretches ?? []), ...added].toSorted(
    (a, b) => a.startedAtMs - b.startedAtMs || rankOf(b.outcome) - rankOf(a.outcome),
  ))
    add(one)
  return { ...of, stretches, steps: flakes.steps() }
}

function readDay(
  of: Pick<CondensedDay, 'probe' | 'target' | 'dayMs'>,
  { content, crc }: Record<string, unknown>,
): CondensedDay | undefined {
  return typeof content === 'string' && crc32(content) === crc ? parseDay(of, content) : undefined
}

export type DayRow = { state: 'ok'; day: CondensedDay } | { state: 'invalid'; name: string }

/** The days of a time by probe, target and day, and those that are damaged. */
export function* readDays(database: DatabaseSync, { fromMs, toMs }: HistoryQuery): Generator<DayRow> {
  // From one probe to the next by the key: one query for all would read the days outside of the time, too.
  const next = database.prepare(
    'SELECT probe, target FROM days WHERE (probe, target) > (?, ?) ORDER BY probe, target LIMIT 1',
  )
  const select = database.prepare(
    `SELECT day_ms, content, crc FROM days WHERE probe = ? AND target = ? AND day_ms >= ? AND day_ms < ?
     ORDER BY day_ms`,
  )
  const times = [Math.floor(fromMs / dayMs) * dayMs, Math.min(toMs, Number.MAX_SAFE_INTEGER)] as const
  for (let row = next.get('', ''); row !== undefined;) {
    const [probe, target] = [String(row['probe']), String(row['target'])]
    for (const found of select.all(probe, target, ...times)) {
      const of = { probe, target, dayMs: Number(found['day_ms']) }
      const day = readDay(of, found)
      const name = `day ${new Date(of.dayMs).toISOString().slice(0, 10)} of probe ${probe}`
      yield day === undefined ? { state: 'invalid', name } : { state: 'ok', day }
    }
    row = next.get(probe, target)
  }
}

/** Deletes results of whole days that are condensed, and days; each what began earlier. */
export function forgetBefore(database: DatabaseSync, limits: { resultsMs: number; daysMs: number }): void {
  const untilMs = Math.min(limits.resultsMs, readCondensedUntil(database))
  const wholeDays = Math.floor(untilMs / dayMs) * dayMs
  // Not condensed, and older than even days are kept.
  const resultsMs = Math.max(wholeDays, limits.daysMs)
  database.prepare('DELETE FROM results WHERE id < ?').run(toRowId(resultsMs))
  database.prepare('DELETE FROM days WHERE day_ms < ?').run(Math.floor(limits.daysMs / dayMs) * dayMs)
}

/**
 * Copies the days whose results are gone to another file. The others are condensed again from their results.
 */
export function copyDays(from: DatabaseSync, to: DatabaseSync): void {
  const oldest = to.prepare('SELECT min(id) AS id FROM results').get()?.['id']
  const endMs = typeof oldest === 'number' ? oldest / toRowId(1) : Number.MAX_SAFE_INTEGER
  const insert = to.prepare(
    'INSERT OR IGNORE INTO days (day_ms, probe, target, content, crc) VALUES (?, ?, ?, ?, ?)',
  )
  let untilMs = 0
  for (const row of from.prepare('SELECT day_ms, probe, target, content, crc FROM days').iterate()) {
    const { day_ms: day, probe, target, content, crc } = row
    const isWhole = typeof content === 'string' && typeof crc === 'number' && crc32(content) === crc
    if (!isWhole || typeof day !== 'number' || day + dayMs > endMs) continue
    insert.run(day, String(probe), String(target), content, crc)
    untilMs = Math.max(untilMs, day + dayMs)
  }
  to.prepare('INSERT OR REPLACE INTO condensed (one, until_ms) VALUES (1, ?)').run(untilMs)
}
