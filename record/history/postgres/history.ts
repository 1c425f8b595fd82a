import type { SQL } from 'drizzle-orm'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import type { RunEntry, StepFigures, StepRun } from '../entry.ts'
import { unknownKey } from '../entry.ts'
import { momentOf, seriesKeys, seriesOf } from '../store.ts'
import type { RunHistory, Series } from '../store.ts'
import { mergedId } from '../merge.ts'
import { seriesId, thinner } from './thin.ts'
import { entryWriter } from './write.ts'
import {
  drizzle,
  runs,
  seen,
  series,
  setAside,
  stepNames,
  and,
  asc,
  count,
  desc,
  eq,
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
export function postgresHistory(client: postgres.Sql, place: string): RunHistory {
  const database = drizzle(client)
  return {
    ...entryWriter(client, place),
    ...entryReader(database),
    ...stepReader(client, database),
    ...thinner(client),
    ...folderState(database, place),
  }
}

type Reader = Pick<RunHistory, 'known' | 'series' | 'runs' | 'latest'>

function entryReader(database: PostgresJsDatabase): Reader {
  const newest = async (of: Series, most: number): Promise<RunEntry[]> => {
    const found = await database
      .select()
      .from(runs)
      .where(eq(runs.seriesId, idOf(database, of)))
      .orderBy(desc(runs.startedMs), desc(runs.id))
      .limit(most)
    return found.map((row) => toEntry(row, of)).toReversed()
  }
  return {
    known: async (ids) => findKnown(database, ids),
    // A subquery for each series: EXISTS made PostgreSQL read all of a million runs, in one second.
    series: async (suite) => {
      const one = database
        .select({ one: sql`1` })
        .from(runs)
        .where(eq(runs.seriesId, series.id))
        .limit(1)
      const found = await database
        .select()
        .from(series)
        .where(and(isOfSuite(suite), sql`(${one}) is not null`))
        .orderBy(...seriesKeys.map((key) => asc(series[key])))
      return found.map(seriesOf)
    },
    runs: async (of, most) => {
      const [counted] = await database
        .select({ n: count() })
        .from(runs)
        .where(eq(runs.seriesId, idOf(database, of)))
      return { entries: await newest(of, most), all: counted?.n ?? 0 }
    },
    // One query: a connection answers one after another, and each of fifty has its way there and back.
    latest: async (suite) => {
      const last = database
        .select()
        .from(runs)
        .where(eq(runs.seriesId, series.id))
        .orderBy(desc(runs.startedMs), desc(runs.id))
        .limit(1)
        .as('last')
      const found = await database.select().from(series).crossJoinLateral(last).where(isOfSuite(suite))
      return found.map((row) => toEntry(row.last, row.series)).toSorted((a, b) => momentOf(b) - momentOf(a))
    },
  }
}

async function findKnown(database: PostgresJsDatabase, ids: readonly string[]): Promise<Set<string>> {
  const found: string[] = []
  for (let from = 0; from < ids.length; from += batch) {
    const isOneOf = inArray(runs.id, ids.slice(from, from + batch))
    const rows = await database
      .select({ id: runs.id })
      .from(runs)
      .innerJoin(series, eq(series.id, runs.seriesId))
      .where(and(isOneOf, ne(series.load, unknownKey), eq(runs.hasSteps, true)))
    found.push(...rows.map(({ id }) => id))
  }
  return new Set(found)
}

function isOfSuite(suite: string | undefined): SQL | undefined {
  return suite === undefined ? undefined : eq(series.suite, suite)
}

function toEntry(row: typeof runs.$inferSelect, of: Series): RunEntry {
  const { id, startedAt, durationMs, state, verdict, revision, requests, errors, errorRate } = row
  const { throughputRps, meanMs, p50Ms, p90Ms, p95Ms, p99Ms, maxMs } = row
  return {
    id,
    ...seriesOf(of),
    startedAt,
    durationMs,
    state,
    verdict,
    revision,
    requests,
    errors,
    errorRate,
    throughputRps,
    latency: { meanMs, p50Ms, p90Ms, p95Ms, p99Ms, maxMs },
  }
}

/** The number of a series, as a part of a query: null where there is none, which nothing equals. */
function idOf(database: PostgresJsDatabase, of: Series): SQL {
  const found = database
    .select({ id: series.id })
    .from(series)
    .where(and(...seriesKeys.map((key) => eq(series[key], of[key]))))
  return sql`(${found})`
}

function stepReader(client: postgres.Sql, database: PostgresJsDatabase): Pick<RunHistory, 'steps' | 'step'> {
  return {
    steps: async (of) => {
      const found = await database
        .select({ step: stepNames.step })
        .from(stepNames)
        .where(eq(stepNames.seriesId, idOf(database, of)))
        .orderBy(asc(stepNames.step))
      return found.map(({ step }) => step)
    },
    // Not through the query builder, which takes half of the time for the 20,000 rows of a year.
    step: async (of, step, { newest, fromMs = 0 }) => {
      const own = client`(SELECT id FROM vigil_history.step_names
        WHERE series_id = ${seriesId(client, of)} AND step = ${step})`
      const figures = client`requests, errors, mean_ms AS "meanMs", p50_ms AS "p50Ms", p90_ms AS "p90Ms",
        p95_ms AS "p95Ms", p99_ms AS "p99Ms", max_ms AS "maxMs"`
      const found = await client<StepRow[]>`
        SELECT run, started_ms::float8 AS "startedMs", ${figures} FROM vigil_history.step_runs
        WHERE step_id = ${own} AND started_ms >= ${fromMs}
        ORDER BY step_runs.started_ms DESC, run DESC LIMIT ${newest}`
      const merged = await client<(StepRow & { runs: number; durationMs: number })[]>`
        SELECT started_ms::float8 AS "startedMs", ${figures}, runs, duration_ms AS "durationMs"
        FROM vigil_history.merged_steps
        WHERE step_id = ${own} AND started_ms >= ${fromMs} ORDER BY started_ms DESC LIMIT ${newest}`
      return [...merged.map(toMergedRun), ...found.map(toStepRun)]
        .toSorted((a, b) => a.startedMs - b.startedMs || (a.run < b.run ? -1 : 1))
        .slice(-newest)
    },
  }
}

type StepRow = StepFigures & Pick<StepRun, 'run' | 'startedMs'>

function toStepRun({ run, startedMs, ...figures }: StepRow): StepRun {
  return { run, startedMs, figures }
}

function toMergedRun(row: StepRow & { runs: number; durationMs: number }): StepRun {
  const { run: _run, startedMs, runs: merged, durationMs, ...figures } = row
  return { run: mergedId(startedMs), startedMs, figures, merged: { runs: merged, durationMs } }
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
