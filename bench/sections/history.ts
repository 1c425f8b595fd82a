import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import postgres from 'postgres'
import { examineHistory } from '../../baselines/change-points/index.ts'
import { comparableOf, historyFile, withHistory } from '../../record/history/index.ts'
import type { HistoryDatabase, KeptRun, RunHistory, Series } from '../../record/history/index.ts'
import { median } from '../../record/statistics/index.ts'
import { startPostgres } from '../../runtime/postgres/index.ts'
import type { Bench, Figure, Section } from '../workbench.ts'
import { fillPostgres, fillSqlite, firstMs, packedSample, shape } from './history-fill.ts'

const about = `a history of ${shape.runs.toLocaleString('en')} runs of ${shape.steps} steps`

export const scale: Section[] = [
  { name: 'history-sqlite', about: `${about} in SQLite`, run: inSqlite },
  { name: 'history-postgres', about: `${about} in PostgreSQL`, run: inPostgres },
]

async function inSqlite(bench: Bench): Promise<Figure[]> {
  const out = join(bench.folder, 'history')
  mkdirSync(join(out, 'runs'), { recursive: true })
  const options = { out, stamp: () => 'bench', warn: bench.say }
  // Makes the tables.
  await withHistory(options, async () => undefined)
  const database = new DatabaseSync(historyFile(out))
  fillSqlite(database)
  const plan = database
    .prepare('EXPLAIN QUERY PLAN SELECT p95Ms FROM step_runs WHERE step_id = 5 AND started_ms >= 0')
    .all()
  database.close()
  const figures = await withHistory(options, async (history) => measure('SQLite', history, bench.rounds))
  return [...figures, { what: 'SQLite: plan of a year of one step', value: String(plan[0]?.['detail']) }]
}

async function inPostgres(bench: Bench): Promise<Figure[]> {
  const folder = join(bench.folder, 'postgres')
  mkdirSync(folder)
  const names = { database: 'vigil', owner: 'vigil', monitor: 'monitor' }
  const started = await startPostgres({ folder, names })
  if (started.state === 'failed') throw new Error(started.reason)
  const { service } = started
  try {
    return await measurePostgres(bench, { url: service.databaseUrl, name: 'bench', place: 'bench' })
  } finally {
    await service.stop()
  }
}

async function measurePostgres(bench: Bench, database: HistoryDatabase): Promise<Figure[]> {
  const out = join(bench.folder, 'no-records')
  mkdirSync(join(out, 'runs'), { recursive: true })
  const options = { out, stamp: () => 'bench', warn: bench.say, database }
  await withHistory(options, async () => undefined)
  const client = postgres(database.url, { max: 1, onnotice: () => undefined })
  await fillPostgres(client, bench.say)
  const plans = await readPlans(client)
  await client.end()
  const figures = await withHistory(options, async (history) => measure('PostgreSQL', history, bench.rounds))
  return [...figures, ...plans]
}

/** What answers a question: the plan without the parts that never run, and its time. */
export async function readPlans(client: postgres.Sql): Promise<Figure[]> {
  const asked = {
    'the newest 50 of a suite': `SELECT * FROM vigil_history.runs WHERE series_id = 7
      ORDER BY started_ms DESC, id DESC LIMIT 50`,
    'a year of one step': `SELECT run, p95_ms FROM vigil_history.step_runs WHERE step_id = 128
      AND started_ms >= ${firstMs} ORDER BY started_ms DESC, run DESC`,
    'the newest run of every suite': `SELECT * FROM vigil_history.series s CROSS JOIN LATERAL (
      SELECT * FROM vigil_history.runs r WHERE r.series_id = s.id
      ORDER BY started_ms DESC, id DESC LIMIT 1) last`,
  }
  const figures: Figure[] = []
  for (const [what, query] of Object.entries(asked)) {
    const lines = await client.unsafe(`EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF) ${query}`)
    const text = lines.map((line) => `\n    ${String(line['QUERY PLAN'])}`).join('')
    figures.push({ what: `PostgreSQL: plan of ${what}`, value: text })
  }
  const [size] = await client`
    SELECT pg_size_pretty(pg_database_size(current_database())) AS size`
  return [...figures, { what: 'PostgreSQL: size', value: String(size?.['size']) }]
}

export async function measure(name: string, history: RunHistory, rounds: number): Promise<Figure[]> {
  const [, series, drifting, steady] = await history.series()
  if (!series || !drifting || !steady) throw new Error('the history is empty')
  const { entries } = await history.runs(series, 1)
  const [entry] = entries
  if (entry === undefined) throw new Error('the series is empty')
  const histograms = packedSample().toString('base64')
  let appended = 0
  const toRun = (): KeptRun => {
    appended += 1
    const figures = { requests: 30, errors: 0, ...entry.latency }
    const steps = Array.from({ length: shape.steps }, (_, step) => [
      `journey/step-${String(step).padStart(2, '0')}`,
      figures,
    ])
    return {
      ...entry,
      id: `appended-${name}-${appended}`,
      steps: Object.fromEntries(steps),
      histograms,
    }
  }
  const timed: [string, number, () => Promise<number>][] = [
    ['append a run', 5, async () => history.put([toRun()], []).then(() => 1)],
    ['the newest 50 of a suite', 20, async () => (await history.runs(series, 50)).entries.length],
    ['a year of one step', 200, async () => (await readYear(history, series)).length],
    ['changes over 1,000 runs with a step', 300, async () => findChanges(history, series)],
    ['changes over 1,000 runs that drift', 300, async () => findChanges(history, drifting)],
    ['changes over 1,000 steady runs', 300, async () => findChanges(history, steady)],
    ['the newest run of every suite', 50, async () => (await history.latest()).length],
  ]
  const figures: Figure[] = []
  for (const [what, mostMs, work] of timed) {
    const times: number[] = []
    let count = 0
    for (let round = 0; round < 2 * rounds + 1; round += 1) {
      const began = performance.now()
      count = await work()
      times.push(performance.now() - began)
    }
    const ms = median(times)
    figures.push({
      what: `${name}: ${what} (${count} rows)`,
      value: `${ms.toFixed(1)} ms, at most ${Math.max(...times).toFixed(1)} ms`,
      goal: `≤ ${mostMs} ms`,
      met: ms <= mostMs,
    })
  }
  return figures
}

async function findChanges(history: RunHistory, series: Series): Promise<number> {
  const { entries } = await history.runs(series, 1000)
  examineHistory(entries.map(comparableOf))
  return entries.length
}

async function readYear(history: RunHistory, series: Series): Promise<unknown[]> {
  return history.step(series, 'journey/step-07', { newest: shape.runs, fromMs: firstMs })
}
