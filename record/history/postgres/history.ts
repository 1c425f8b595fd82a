import type { SQL } from 'drizzle-orm'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import type { KeptRun, RunEntry, StepFigures } from '../entry.ts'
import { unknownKey } from '../entry.ts'
import { momentOf, seriesKeys, seriesOf } from '../store.ts'
import type { RunHistory, Series } from '../store.ts'
import {
  drizzle,
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
export function postgresHistory(client: postgres.Sql, place: string): RunHistory {
  const database = drizzle(client)
  return {
    ...entryWriter(client, place),
    ...entryReader(database),
    ...stepReader(database),
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
  const isOf = (suite: string | undefined): SQL | undefined =>
    suite === undefined ? undefined : eq(series.suite, suite)
  return {
    known: async (ids) => {
      const found: string[] = []
      for (let from = 0; from < ids.length; from += batch) {
        const rows = await database
          .select({ id: runs.id })
          .from(runs)
          .innerJoin(series, eq(series.id, runs.seriesId))
          .where(
            and(
              inArray(runs.id, ids.slice(from, from + batch)),
              ne(series.load, unknownKey),
              eq(runs.hasSteps, true),
            ),
          )
        found.push(...rows.map(({ id }) => id))
      }
      return new Set(found)
    },
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
        .where(and(isOf(suite), sql`(${one}) is not null`))
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
      const found = await database.select().from(series).crossJoinLateral(last).where(isOf(suite))
      return found.map((row) => toEntry(row.last, row.series)).toSorted((a, b) => momentOf(b) - momentOf(a))
    },
  }
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

function stepReader(database: PostgresJsDatabase): Pick<RunHistory, 'steps' | 'step'> {
  return {
    steps: async (of) => {
      const found = await database
        .select({ step: stepNames.step })
        .from(stepNames)
        .where(eq(stepNames.seriesId, idOf(database, of)))
        .orderBy(asc(stepNames.step))
      return found.map(({ step }) => step)
    },
    step: async (of, step, { newest, fromMs = 0 }) => {
      const [name] = await database
        .select({ id: stepNames.id })
        .from(stepNames)
        .where(and(eq(stepNames.seriesId, idOf(database, of)), eq(stepNames.step, step)))
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

function entryWriter(client: postgres.Sql, place: string): Pick<RunHistory, 'put'> {
  // A month has its part before the first of its runs is put: that waits for other statements, and must not
  // hold rows meanwhile.
  const months = new Set<string>()
  const addMonths = async (entries: readonly KeptRun[]): Promise<void> => {
    for (const startedMs of entries.map(momentOf)) {
      const month = new Date(startedMs).toISOString().slice(0, 7)
      if (months.has(month)) continue
      await client`SELECT vigil_history.add_month(${startedMs})`
      months.add(month)
    }
  }
  return {
    put: async (entries, damaged) => {
      // Of two entries of one run the later one.
      const rows = [...new Map(entries.map((entry) => [entry.id, entry])).values()].map(toRow)
      if (rows.length > 0) await addMonths(entries)
      const putRows = (on: postgres.ISql): Promise<unknown> =>
        on`SELECT vigil_history.put_runs(${JSON.stringify(rows)}::text::jsonb)`
      const putDamaged = (on: postgres.ISql): Promise<unknown> => on`
        INSERT INTO vigil_history.set_aside ${on(damaged.map(({ id, problem }) => ({ place, id, problem })))}
        ON CONFLICT (place, id) DO UPDATE SET problem = excluded.problem`
      if (damaged.length === 0) {
        if (rows.length > 0) await putRows(client)
      } else if (rows.length === 0) await putDamaged(client)
      else await client.begin(async (both) => [await putRows(both), await putDamaged(both)])
    },
  }
}

/** With the names of columns, for `put_runs`. */
function toRow(entry: KeptRun): object {
  const { latency, steps, histograms } = entry
  const inOrder = ({
    requests,
    errors,
    meanMs,
    p50Ms,
    p90Ms,
    p95Ms,
    p99Ms,
    maxMs,
  }: StepFigures): number[] => [requests, errors, meanMs, p50Ms, p90Ms, p95Ms, p99Ms, maxMs]
  return {
    ...seriesOf(entry),
    id: entry.id,
    started_ms: momentOf(entry),
    started_at: entry.startedAt,
    duration_ms: entry.durationMs,
    state: entry.state,
    verdict: entry.verdict,
    revision: entry.revision,
    requests: entry.requests,
    errors: entry.errors,
    error_rate: entry.errorRate,
    throughput_rps: entry.throughputRps,
    mean_ms: latency.meanMs,
    p50_ms: latency.p50Ms,
    p90_ms: latency.p90Ms,
    p95_ms: latency.p95Ms,
    p99_ms: latency.p99Ms,
    max_ms: latency.maxMs,
    steps: Object.entries(steps).map(([step, figures]) => [step, ...inOrder(figures)]),
    ...(histograms !== undefined && { histograms }),
  }
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
