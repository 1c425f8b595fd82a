import type { DatabaseSync } from 'node:sqlite'
import { stepColumns } from '../entry.ts'
import type { StepFigures } from '../entry.ts'
import { mergeSteps } from '../merge.ts'
import type { Mergeable, MergedStep } from '../merge.ts'
import { seriesKeys } from '../store.ts'
import type { RunHistory, Series } from '../store.ts'
import { inTransaction } from './database.ts'

const isOfSeries = seriesKeys.map((key) => `${key} = ?`).join(' AND ')

/** Merges old runs: what a run keeps for ever is its row, with its figures and its verdict. */
export function thinner(database: DatabaseSync): Pick<RunHistory, 'histograms' | 'detailed' | 'thin'> {
  const select = database.prepare('SELECT histograms FROM run_histograms WHERE run = ?')
  return {
    histograms: async (ids) =>
      new Map(
        ids.flatMap((id) => {
          const found = select.get(id)?.['histograms']
          return found instanceof Uint8Array ? [[id, Buffer.from(found).toString('base64')] as const] : []
        }),
      ),
    detailed: async (of, beforeMs) =>
      database
        .prepare(
          `SELECT id, started_ms FROM runs WHERE ${isOfSeries} AND started_ms < ? AND is_thinned = 0
             AND entry ->> 'state' = 'valid' AND id IN (SELECT run FROM run_histograms)
           ORDER BY started_ms, id`,
        )
        .all(...seriesKeys.map((key) => of[key]), beforeMs)
        .map((row) => ({ id: String(row['id']), startedMs: Number(row['started_ms']) })),
    thin: async (of, ids, atMs) => inTransaction(database, () => thin(database, of, ids, atMs)),
  }
}

function thin(database: DatabaseSync, of: Series, ids: readonly string[], atMs: number): number {
  const names = new Map(
    database
      .prepare(`SELECT id, step FROM step_names WHERE ${isOfSeries}`)
      .all(...seriesKeys.map((key) => of[key]))
      .map(({ id, step }) => [String(step), Number(id)] as const),
  )
  const merged = mergeSteps(readMergeable(database, of, { ids, names, atMs }))
  const columns = ['step_id', 'started_ms', 'runs', 'duration_ms', ...stepColumns, 'histogram']
  const insert = database.prepare(
    `INSERT OR REPLACE INTO merged_steps (${columns.join(', ')})
     VALUES (${columns.map(() => '?').join(', ')})`,
  )
  for (const { step, runs, durationMs, figures, histogram } of merged.steps) {
    const own = stepColumns.map((column) => figures[column])
    insert.run(names.get(step) ?? 0, atMs, runs, durationMs, ...own, histogram)
  }
  const startedMs = database.prepare('SELECT started_ms FROM runs WHERE id = ?')
  const removeStep = database.prepare(
    'DELETE FROM step_runs WHERE step_id = ? AND started_ms = ? AND run = ?',
  )
  const removeHistograms = database.prepare('DELETE FROM run_histograms WHERE run = ?')
  const mark = database.prepare('UPDATE runs SET is_thinned = 1 WHERE id = ?')
  for (const id of merged.ids) {
    const at = Number(startedMs.get(id)?.['started_ms'])
    for (const step of names.values()) removeStep.run(step, at, id)
    removeHistograms.run(id)
    mark.run(id)
  }
  return merged.ids.length
}

function readMergeable(
  database: DatabaseSync,
  of: Series,
  { ids, names, atMs }: { ids: readonly string[]; names: ReadonlyMap<string, number>; atMs: number },
): Mergeable {
  const selectRun = database.prepare(
    `SELECT started_ms, entry ->> 'durationMs' AS duration_ms, histograms FROM runs
     JOIN run_histograms ON run = id WHERE id = ? AND is_thinned = 0 AND ${isOfSeries}`,
  )
  const selectStep = database.prepare(
    'SELECT requests, errors, meanMs FROM step_runs WHERE step_id = ? AND started_ms = ? AND run = ?',
  )
  const selectEarlier = database.prepare('SELECT * FROM merged_steps WHERE step_id = ? AND started_ms = ?')
  const runs = [...new Set(ids)].flatMap((id) => {
    const row = selectRun.get(id, ...seriesKeys.map((key) => of[key]))
    const histograms = row?.['histograms']
    return histograms instanceof Uint8Array
      ? [{ id, startedMs: Number(row?.['started_ms']), durationMs: Number(row?.['duration_ms']), histograms }]
      : []
  })
  return {
    runs,
    steps: runs.flatMap(({ id, startedMs }) =>
      [...names].flatMap(([step, stepId]) => {
        const row = selectStep.get(stepId, startedMs, id)
        if (row === undefined) return []
        const [requests, errors, meanMs] = [row['requests'], row['errors'], row['meanMs']].map(Number)
        return [{ run: id, step, requests: requests ?? 0, errors: errors ?? 0, meanMs: meanMs ?? 0 }]
      }),
    ),
    earlier: [...names].flatMap(([step, stepId]) => {
      const row = selectEarlier.get(stepId, atMs)
      return row === undefined ? [] : [readMerged(step, row)]
    }),
  }
}

function readMerged(step: string, row: Record<string, unknown>): MergedStep {
  const { histogram } = row
  return {
    step,
    runs: Number(row['runs']),
    durationMs: Number(row['duration_ms']),
    figures: readFigures(row),
    histogram: histogram instanceof Uint8Array ? histogram : new Uint8Array(),
  }
}

export function readFigures(row: Record<string, unknown>): StepFigures {
  const number = (name: string): number => Number(row[name])
  return {
    requests: number('requests'),
    errors: number('errors'),
    meanMs: number('meanMs'),
    p50Ms: number('p50Ms'),
    p90Ms: number('p90Ms'),
    p95Ms: number('p95Ms'),
    p99Ms: number('p99Ms'),
    maxMs: number('maxMs'),
  }
}
