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

/** A year of runs: 50 suites, each twice an hour and more, with 20 steps. */
const shape = { runs: 1_000_000, series: 50, steps: 20 } as const
const yearMs = 365 * 86_400_000
const firstMs = Date.UTC(2026, 0, 1)
const everyMs = Math.floor(yearMs / shape.runs)

export const scale: Section = {
  name: 'history',
  about: `a history of ${shape.runs.toLocaleString('en')} runs of ${shape.steps} steps, in each database`,
  run: async (bench) => [...(await inSqlite(bench)), ...(await inPostgres(bench))],
}

const key = (suite: string): string => `${suite}, 'k6', 'bench', 'http://bench', '20 journeys/s'`

/** Latencies that differ by series and step, scatter, and drift by half over the year. */
const factor = `(1 + 0.5 * i / ${shape.runs}) * (0.9 + 0.2 * noise)`

async function inSqlite(bench: Bench): Promise<Figure[]> {
  const out = join(bench.folder, 'history')
  mkdirSync(join(out, 'runs'), { recursive: true })
  const options = { out, stamp: () => 'bench', warn: bench.say }
  // Makes the tables.
  await withHistory(options, async () => undefined)
  const database = new DatabaseSync(historyFile(out))
  const numbers = (to: number, name: string): string =>
    `${name}(${name}) AS (SELECT 0 UNION ALL SELECT ${name} + 1 FROM ${name} WHERE ${name} < ${to - 1})`
  const noise = 'abs(random() % 1000) / 1000.0 AS noise'
  const latency = (base: string): string =>
    ['meanMs', 'p50Ms', 'p90Ms', 'p95Ms', 'p99Ms', 'maxMs']
      .map((name, index) => `'${name}', round(${base} * ${factor} * ${1 + index / 2}, 3)`)
      .join(', ')
  database.exec(`
    PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN;
    WITH RECURSIVE ${numbers(shape.series, 's')}
      INSERT INTO series SELECT ${key("printf('suite-%02d', s)")} FROM s;
    WITH RECURSIVE ${numbers(shape.series, 's')}, ${numbers(shape.steps, 't')}
      INSERT INTO step_names SELECT s * ${shape.steps} + t, ${key("printf('suite-%02d', s)")},
        printf('journey/step-%02d', t) FROM s, t;
    WITH RECURSIVE ${numbers(shape.runs, 'i')},
      rows AS (SELECT i, printf('suite-%02d', i % ${shape.series}) AS suite, ${noise} FROM i)
      INSERT INTO runs (id, suite, engine, environment, target, load, started_ms, entry, has_steps)
      SELECT printf('run-%07d', i), ${key('suite')}, ${firstMs} + i * ${everyMs},
        json_object('id', printf('run-%07d', i), 'suite', suite, 'engine', 'k6', 'environment', 'bench',
          'target', 'http://bench', 'load', '20 journeys/s',
          'startedAt', strftime('%Y-%m-%dT%H:%M:%fZ', (${firstMs} + i * ${everyMs}) / 1000.0, 'unixepoch'),
          'durationMs', 30000, 'state', 'valid', 'verdict', 'pass', 'revision', 'c0ffee', 'requests', 600,
          'errors', 0, 'errorRate', 0, 'throughputRps', 20, 'latency', json_object(${latency('20')})), 1
      FROM rows;
    WITH RECURSIVE ${numbers(shape.runs / shape.series, 'j')}, ${numbers(shape.series, 's')},
      ${numbers(shape.steps, 't')},
      rows AS (SELECT s * ${shape.steps} + t AS step, j * ${shape.series} + s AS i, t, ${noise} FROM s, t, j)
      INSERT INTO step_runs SELECT step, ${firstMs} + i * ${everyMs}, printf('run-%07d', i), 30, 0,
        ${[1, 1.5, 2, 2.5, 3, 3.5].map((share) => `round((5 + t) * ${factor} * ${share}, 3)`).join(', ')}
      FROM rows;
    COMMIT; PRAGMA wal_checkpoint(TRUNCATE)`)
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
  const suite = (number: string): string => `'suite-' || lpad((${number})::text, 2, '0')`
  const run = "'run-' || lpad(i::text, 7, '0')"
  const latency = ['meanMs', 'p50Ms', 'p90Ms', 'p95Ms', 'p99Ms', 'maxMs']
    .map((name, index) => `'${name}', round((20 * ${factor} * ${1 + index / 2})::numeric, 3)`)
    .join(', ')
  const at = `${firstMs} + i::bigint * ${everyMs}`
  await client.unsafe(`
    SET synchronous_commit = off; SET search_path = vigil_history;
    INSERT INTO series SELECT ${key(suite('s'))} FROM generate_series(0, ${shape.series - 1}) s;
    INSERT INTO step_names (suite, engine, environment, target, load, step)
      SELECT ${key(suite('s'))}, 'journey/step-' || lpad(t::text, 2, '0')
      FROM generate_series(0, ${shape.series - 1}) s, generate_series(0, ${shape.steps - 1}) t ORDER BY s, t;
    INSERT INTO runs (id, suite, engine, environment, target, load, started_ms, entry, has_steps)
      SELECT ${run}, ${key('suite')}, ${at}, json_build_object('id', ${run}, 'suite', suite, 'engine', 'k6',
        'environment', 'bench', 'target', 'http://bench', 'load', '20 journeys/s',
        'startedAt', to_char(to_timestamp((${at}) / 1000.0), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'durationMs', 30000, 'state', 'valid', 'verdict', 'pass', 'revision', 'c0ffee', 'requests', 600,
        'errors', 0, 'errorRate', 0, 'throughputRps', 20, 'latency', json_build_object(${latency})), true
      FROM (SELECT i, ${suite(`i % ${shape.series}`)} AS suite, random() AS noise
        FROM generate_series(0, ${shape.runs - 1}) i) rows;
    INSERT INTO step_runs SELECT (i % ${shape.series}) * ${shape.steps} + t + 1, ${at}, ${run}, 30, 0,
        ${[1, 1.5, 2, 2.5, 3, 3.5].map((share) => `(5 + t) * ${factor} * ${share}`).join(', ')}
      FROM (SELECT i, t, random() AS noise FROM generate_series(0, ${shape.runs - 1}) i,
        generate_series(0, ${shape.steps - 1}) t) rows`)
  await client.unsafe('VACUUM ANALYZE vigil_history.step_runs')
  await client.unsafe('VACUUM ANALYZE vigil_history.runs')
  const plan = await client.unsafe(
    `EXPLAIN SELECT run, p95_ms FROM vigil_history.step_runs WHERE step_id = 5 AND started_ms >= 0
     ORDER BY started_ms DESC, run DESC`,
  )
  await client.end()
  const figures = await withHistory(options, async (history) => measure('PostgreSQL', history, bench.rounds))
  return [
    ...figures,
    { what: 'PostgreSQL: plan of a year of one step', value: String(plan[0]?.['QUERY PLAN']) },
  ]
}

async function measure(name: string, history: RunHistory, rounds: number): Promise<Figure[]> {
  const [, series] = await history.series()
  if (series === undefined) throw new Error('the history is empty')
  const { entries } = await history.runs(series, 1)
  const [entry] = entries
  if (entry === undefined) throw new Error('the series is empty')
  let appended = 0
  const toRun = (): KeptRun => {
    appended += 1
    const figures = { requests: 30, errors: 0, ...entry.latency }
    const steps = Array.from({ length: shape.steps }, (_, step) => [
      `journey/step-${String(step).padStart(2, '0')}`,
      figures,
    ])
    return { ...entry, id: `appended-${name}-${appended}`, steps: Object.fromEntries(steps) }
  }
  const timed: [string, number, () => Promise<number>][] = [
    ['append a run', 5, async () => history.put([toRun()], []).then(() => 1)],
    ['the newest 50 of a suite', 20, async () => (await history.runs(series, 50)).entries.length],
    ['a year of one step', 200, async () => (await readYear(history, series)).length],
    ['changes over 1,000 runs', 300, async () => findChanges(history, series)],
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
