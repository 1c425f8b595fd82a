import type postgres from 'postgres'
import { mergeSteps } from '../merge.ts'
import type { Mergeable, MergedStep } from '../merge.ts'
import type { StepFigures } from '../entry.ts'
import type { RunHistory, Series } from '../store.ts'

/** Merges old runs: what a run keeps for ever is its row, with its figures and its verdict. */
export function thinner(client: postgres.Sql): Pick<RunHistory, 'histograms' | 'detailed' | 'thin'> {
  return {
    histograms: async (ids) => {
      const found = await client<{ run: string; histograms: Uint8Array }[]>`
        SELECT run, histograms FROM vigil_history.run_histograms WHERE run IN ${client(['', ...ids])}`
      return new Map(found.map((row) => [row.run, Buffer.from(row.histograms).toString('base64')]))
    },
    detailed: async (of, beforeMs) => {
      const found = await client<{ id: string; startedMs: number }[]>`
        SELECT r.id, r.started_ms::float8 AS "startedMs" FROM vigil_history.runs r
        JOIN vigil_history.run_histograms h ON h.run = r.id AND h.started_ms = r.started_ms
        WHERE r.series_id = ${seriesId(client, of)} AND r.started_ms < ${beforeMs} AND NOT r.is_thinned
          AND r.state = 'valid'
        ORDER BY r.started_ms, r.id`
      return [...found]
    },
    thin: async (of, ids, atMs) => client.begin(async (on) => thin(on, of, ids, atMs)),
  }
}

async function thin(on: postgres.ISql, of: Series, ids: readonly string[], atMs: number): Promise<number> {
  // One at a time for each series: two could add to the same merged row.
  const [own] = await on<{ id: number }[]>`
    SELECT id FROM vigil_history.series WHERE id = ${seriesId(on, of)} FOR UPDATE`
  if (own === undefined) return 0
  const runs = await on<(Mergeable['runs'][number] & { startedMs: string })[]>`
    SELECT r.id, r.started_ms AS "startedMs", r.duration_ms AS "durationMs", h.histograms
    FROM vigil_history.runs r
    JOIN vigil_history.run_histograms h ON h.run = r.id AND h.started_ms = r.started_ms
    WHERE r.id IN ${on(['', ...ids])} AND r.series_id = ${own.id} AND NOT r.is_thinned
    ORDER BY r.id FOR UPDATE OF r`
  const found = ['', ...runs.map(({ id }) => id)]
  const steps = await on<Mergeable['steps'][number][]>`
    SELECT s.run, n.step, s.requests, s.errors, s.mean_ms AS "meanMs"
    FROM vigil_history.step_names n
    JOIN vigil_history.runs r ON r.series_id = n.series_id AND r.id IN ${on(found)}
    JOIN vigil_history.step_runs s ON s.step_id = n.id AND s.started_ms = r.started_ms AND s.run = r.id
    WHERE n.series_id = ${own.id}`
  const earlier = await on<(Omit<MergedStep, 'figures'> & StepFigures)[]>`
    SELECT n.step, m.runs, m.duration_ms AS "durationMs", m.requests, m.errors, m.mean_ms AS "meanMs",
      m.p50_ms AS "p50Ms", m.p90_ms AS "p90Ms", m.p95_ms AS "p95Ms", m.p99_ms AS "p99Ms", m.max_ms AS "maxMs",
      m.histogram
    FROM vigil_history.merged_steps m JOIN vigil_history.step_names n ON n.id = m.step_id
    WHERE n.series_id = ${own.id} AND m.started_ms = ${atMs}`
  const merged = mergeSteps({ runs, steps, earlier: earlier.map(toMerged) })
  const done = ['', ...merged.ids]
  for (const step of merged.steps) await putMerged(on, own.id, step, atMs)
  await on`
    DELETE FROM vigil_history.step_runs s USING vigil_history.runs r, vigil_history.step_names n
    WHERE r.id IN ${on(done)} AND n.series_id = r.series_id AND s.step_id = n.id
      AND s.started_ms = r.started_ms AND s.run = r.id`
  await on`
    DELETE FROM vigil_history.run_histograms h USING vigil_history.runs r
    WHERE r.id IN ${on(done)} AND h.run = r.id AND h.started_ms = r.started_ms`
  await on`UPDATE vigil_history.runs SET is_thinned = true WHERE id IN ${on(done)}`
  return merged.ids.length
}

function toMerged({
  step,
  runs,
  durationMs,
  histogram,
  ...figures
}: Omit<MergedStep, 'figures'> & StepFigures): MergedStep {
  return { step, runs, durationMs, histogram, figures }
}

async function putMerged(on: postgres.ISql, series: number, merged: MergedStep, atMs: number): Promise<void> {
  const { step, runs, durationMs, figures, histogram } = merged
  const { requests, errors, meanMs, p50Ms, p90Ms, p95Ms, p99Ms, maxMs } = figures
  await on`
    INSERT INTO vigil_history.merged_steps
      SELECT id, ${atMs}::bigint, ${runs}::int, ${durationMs}::float8, ${requests}::float8, ${errors}::float8,
        ${meanMs}::real, ${p50Ms}::real, ${p90Ms}::real, ${p95Ms}::real, ${p99Ms}::real, ${maxMs}::real,
        ${histogram}::bytea
      FROM vigil_history.step_names WHERE series_id = ${series} AND step = ${step}
    ON CONFLICT (step_id, started_ms) DO UPDATE SET runs = excluded.runs, duration_ms = excluded.duration_ms,
      requests = excluded.requests, errors = excluded.errors, mean_ms = excluded.mean_ms,
      p50_ms = excluded.p50_ms, p90_ms = excluded.p90_ms, p95_ms = excluded.p95_ms, p99_ms = excluded.p99_ms,
      max_ms = excluded.max_ms, histogram = excluded.histogram`
}

/** The number of a series as part of a query. */
export function seriesId(on: postgres.ISql, of: Series): postgres.PendingQuery<postgres.Row[]> {
  return on`(SELECT id FROM vigil_history.series WHERE (suite, engine, environment, target, load)
    = (${of.suite}, ${of.engine}, ${of.environment}, ${of.target}, ${of.load}))`
}
