import type { SQL } from 'drizzle-orm'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { RunEntry } from '../entry.ts'
import { checkEntry, unknownKey } from '../entry.ts'
import { momentOf, seriesKeys, seriesOf } from '../store.ts'
import type { RunHistory, Series } from '../store.ts'
import { HistoryUnavailable } from '../store.ts'
import {
  runs,
  seen,
  series,
  setAside,
  and,
  asc,
  count,
  desc,
  eq,
  exists,
  inArray,
  ne,
  sql,
} from './tables.ts'

/** Ids in one query, which has 65,535 parameters at most. */
const batch = 10_000

/**
 * History in a PostgreSQL, which several machines may use concurrently: each entry is of one run, and runs
 * have ids of their own.
 *
 * @param place the folder of runs of this machine's records
 */
export function postgresHistory(database: PostgresJsDatabase, place: string): RunHistory {
  return {
    put: async (entries, damaged) =>
      database.transaction(async (transaction) => put(transaction, place, entries, damaged)),
    ...entryReader(database),
    ...folderState(database, place),
  }
}

function entryReader(database: PostgresJsDatabase): Pick<RunHistory, 'known' | 'series' | 'runs' | 'latest'> {
  const newest = async (of: Series, most: number): Promise<RunEntry[]> => {
    const found = await database
      .select({ id: runs.id, entry: runs.entry })
      .from(runs)
      .where(isOfSeries(of))
      .orderBy(desc(runs.startedMs), desc(runs.id))
      .limit(most)
    return found.map(readRow).toReversed()
  }
  const all = async (suite?: string): Promise<Series[]> =>
    database
      .select()
      .from(series)
      .where(
        and(
          suite === undefined ? undefined : eq(series.suite, suite),
          exists(
            database
              .select({ id: runs.id })
              .from(runs)
              .where(and(...seriesKeys.map((key) => eq(runs[key], series[key])))),
          ),
        ),
      )
      .orderBy(...seriesKeys.map((key) => asc(series[key])))
  return {
    known: async (ids) => {
      const found: string[] = []
      for (let from = 0; from < ids.length; from += batch) {
        const rows = await database
          .select({ id: runs.id })
          .from(runs)
          .where(and(inArray(runs.id, ids.slice(from, from + batch)), ne(runs.load, unknownKey)))
        found.push(...rows.map(({ id }) => id))
      }
      return new Set(found)
    },
    series: all,
    runs: async (of, most) => {
      const [counted] = await database.select({ n: count() }).from(runs).where(isOfSeries(of))
      return { entries: await newest(of, most), all: counted?.n ?? 0 }
    },
    latest: async (suite) => {
      const entries = await Promise.all((await all(suite)).map(async (of) => newest(of, 1)))
      return entries.flat().toSorted((a, b) => momentOf(b) - momentOf(a))
    },
  }
}

function isOfSeries(of: Series): SQL | undefined {
  return and(...seriesKeys.map((key) => eq(runs[key], of[key])))
}

function folderState(
  database: PostgresJsDatabase,
  place: string,
): Pick<RunHistory, 'setAside' | 'forgetSetAside' | 'seen' | 'markSeen'> {
  return {
    setAside: async () =>
      database
        .select({ id: setAside.id, problem: setAside.problem })
        .from(setAside)
        .where(eq(setAside.place, place))
        .orderBy(asc(setAside.id)),
    forgetSetAside: async () => void (await database.delete(setAside).where(eq(setAside.place, place))),
    seen: async () => {
      const [row] = await database.select({ state: seen.state }).from(seen).where(eq(seen.place, place))
      return row?.state ?? undefined
    },
    markSeen: async (state) => {
      const row = { place, state: state ?? null }
      await database
        .insert(seen)
        .values(row)
        .onConflictDoUpdate({ target: seen.place, set: { state: row.state } })
    },
  }
}

async function put(
  database: Pick<PostgresJsDatabase, 'insert'>,
  place: string,
  entries: Parameters<RunHistory['put']>[0],
  damaged: Parameters<RunHistory['put']>[1],
): Promise<void> {
  // Of two entries of one run the later one; and in one order everywhere, so that machines that put the same
  // runs do not deadlock.
  const rows = [...new Map(entries.map((entry) => [entry.id, entry])).values()]
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((entry) => ({
      ...seriesOf(entry),
      id: entry.id,
      startedMs: momentOf(entry),
      entry,
    }))
  const kinds = [...new Map(rows.map((row) => [JSON.stringify(seriesOf(row)), seriesOf(row)])).entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, one]) => one)
  const replaced = {
    suite: sql`excluded.suite`,
    engine: sql`excluded.engine`,
    environment: sql`excluded.environment`,
    target: sql`excluded.target`,
    load: sql`excluded.load`,
    startedMs: sql`excluded.started_ms`,
    entry: sql`excluded.entry`,
  }
  if (kinds.length > 0) await database.insert(series).values(kinds).onConflictDoNothing()
  if (rows.length > 0)
    await database.insert(runs).values(rows).onConflictDoUpdate({ target: runs.id, set: replaced })
  if (damaged.length > 0)
    await database
      .insert(setAside)
      .values(damaged.map(({ id, problem }) => ({ place, id, problem })))
      .onConflictDoUpdate({ target: [setAside.place, setAside.id], set: { problem: sql`excluded.problem` } })
}

function readRow({ id, entry: found }: { id: string; entry: unknown }): RunEntry {
  const entry = checkEntry(found)
  if (entry?.id !== id)
    throw new HistoryUnavailable(
      `the entry of run ${id} in vigil_history.runs cannot be read, expected what vigil has put ` +
        'there: delete that row, and it is made again from its record',
    )
  return entry
}
