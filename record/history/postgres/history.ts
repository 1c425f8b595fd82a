import type { SQL } from 'drizzle-orm'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { KeptRun, RunEntry } from '../entry.ts'
import { checkEntry, unknownKey } from '../entry.ts'
import { momentOf, seriesKeys, seriesOf } from '../store.ts'
import type { RunHistory, Series } from '../store.ts'
import { HistoryUnavailable } from '../store.ts'
import {
  runs,
  seen,
  series,
  setAside,
  stepNames,
  stepRuns,
  and,
  asc,
  count,
  desc,
  eq,
  gte,
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
    ...stepReader(database),
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
          // A subquery for each series: EXISTS made PostgreSQL read all of a million runs, in one second.
          sql`(${database
            .select({ one: sql`1` })
            .from(runs)
            .where(and(...seriesKeys.map((key) => eq(runs[key], series[key]))))
            .limit(1)}) is not null`,
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
          .where(
            and(
              inArray(runs.id, ids.slice(from, from + batch)),
              ne(runs.load, unknownKey),
              eq(runs.hasSteps, true),
            ),
          )
        found.push(...rows.map(({ id }) => id))
      }
      return new Set(found)
    },
    series: all,
    runs: async (of, most) => {
      const [counted] = await database.select({ n: count() }).from(runs).where(isOfSeries(of))
      return { entries: await newest(of, most), all: counted?.n ?? 0 }
    },
    // One query: a connection answers one after another, and each of fifty has its way there and back.
    latest: async (suite) => {
      const isItsRun = and(...seriesKeys.map((key) => eq(runs[key], series[key])))
      const found = await database.execute<{ id: string; entry: unknown }>(sql`
        SELECT newest.id, newest.entry FROM ${series} CROSS JOIN LATERAL (
          SELECT ${runs.id}, ${runs.entry} FROM ${runs} WHERE ${isItsRun}
          ORDER BY ${runs.startedMs} DESC, ${runs.id} DESC LIMIT 1
        ) newest ${suite === undefined ? sql`` : sql`WHERE ${eq(series.suite, suite)}`}`)
      return found.map(readRow).toSorted((a, b) => momentOf(b) - momentOf(a))
    },
  }
}

function isOfSeries(of: Series): SQL | undefined {
  return and(...seriesKeys.map((key) => eq(runs[key], of[key])))
}

function isStepOfSeries(of: Series): SQL | undefined {
  return and(...seriesKeys.map((key) => eq(stepNames[key], of[key])))
}

function stepReader(database: PostgresJsDatabase): Pick<RunHistory, 'steps' | 'step'> {
  return {
    steps: async (of) => {
      const found = await database
        .select({ step: stepNames.step })
        .from(stepNames)
        .where(isStepOfSeries(of))
        .orderBy(asc(stepNames.step))
      return found.map(({ step }) => step)
    },
    step: async (of, step, { newest, fromMs = 0 }) => {
      const [name] = await database
        .select({ id: stepNames.id })
        .from(stepNames)
        .where(and(isStepOfSeries(of), eq(stepNames.step, step)))
      if (name === undefined) return []
      const found = await database
        .select()
        .from(stepRuns)
        .where(and(eq(stepRuns.stepId, name.id), gte(stepRuns.startedMs, fromMs)))
        .orderBy(desc(stepRuns.startedMs), desc(stepRuns.run))
        .limit(newest)
      return found
        .map(({ run, startedMs, stepId: _stepId, ...figures }) => ({ run, startedMs, figures }))
        .toReversed()
    },
  }
}

type Transaction = Pick<PostgresJsDatabase, 'insert' | 'select' | 'execute'>

function keyOf(of: Series, step: string): string {
  return JSON.stringify([...seriesKeys.map((key) => of[key]), step])
}

/** Rows of steps in one statement: each has eleven parameters. */
const stepBatch = 5000

async function putSteps(database: Transaction, entries: readonly KeptRun[]): Promise<void> {
  const ids = new Map<string, number>()
  const names = new Map(
    entries.flatMap((entry) =>
      Object.keys(entry.steps).map((step) => [keyOf(entry, step), { ...seriesOf(entry), step }] as const),
    ),
  )
  const kinds = new Map([...names.values()].map((name) => [JSON.stringify(seriesOf(name)), seriesOf(name)]))
  const readIds = async (): Promise<void> => {
    for (const of of kinds.values())
      for (const name of await database.select().from(stepNames).where(isStepOfSeries(of)))
        ids.set(keyOf(name, name.step), name.id)
  }
  await readIds()
  const added = [...names].filter(([key]) => !ids.has(key)).toSorted(([a], [b]) => (a < b ? -1 : 1))
  if (added.length > 0) {
    // Read again: another machine may have added them meanwhile.
    await database
      .insert(stepNames)
      .values(added.map(([, name]) => name))
      .onConflictDoNothing()
    await readIds()
  }
  const rows = entries.flatMap((entry) =>
    Object.entries(entry.steps).map(([step, figures]) => ({
      stepId: ids.get(keyOf(entry, step)) ?? 0,
      startedMs: momentOf(entry),
      run: entry.id,
      ...figures,
    })),
  )
  for (let from = 0; from < rows.length; from += stepBatch)
    await database
      .insert(stepRuns)
      .values(rows.slice(from, from + stepBatch))
      .onConflictDoNothing()
}

/** Of earlier entries of these runs, which may be of another series or time. */
async function removeSteps(database: Transaction, ids: readonly string[]): Promise<void> {
  await database.execute(sql`
    DELETE FROM ${stepRuns} USING ${runs}, ${stepNames}
    WHERE ${inArray(runs.id, [...ids])} AND ${stepRuns.run} = ${runs.id}
      AND ${stepRuns.startedMs} = ${runs.startedMs} AND ${stepRuns.stepId} = ${stepNames.id}
      AND ${and(...seriesKeys.map((key) => eq(stepNames[key], runs[key])))}`)
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
  database: Transaction,
  place: string,
  entries: Parameters<RunHistory['put']>[0],
  damaged: Parameters<RunHistory['put']>[1],
): Promise<void> {
  // Of two entries of one run the later one; and in one order everywhere, so that machines that put the same
  // runs do not deadlock.
  const last = [...new Map(entries.map((entry) => [entry.id, entry])).values()].toSorted((a, b) =>
    a.id < b.id ? -1 : 1,
  )
  const rows = last.map(({ steps: _steps, ...entry }) => ({
    ...seriesOf(entry),
    id: entry.id,
    startedMs: momentOf(entry),
    entry,
    hasSteps: true,
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
    hasSteps: sql`excluded.has_steps`,
  }
  if (kinds.length > 0) await database.insert(series).values(kinds).onConflictDoNothing()
  if (rows.length > 0) {
    await removeSteps(
      database,
      rows.map(({ id }) => id),
    )
    await database.insert(runs).values(rows).onConflictDoUpdate({ target: runs.id, set: replaced })
    await putSteps(database, last)
  }
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
