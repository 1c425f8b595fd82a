import type { DatabaseSync } from 'node:sqlite'
import type postgres from 'postgres'
import { packHistograms } from '../../record/history/index.ts'
import { histogramOf } from '../../record/index.ts'
import type { Histogram } from '../../record/index.ts'

/*
 * A year of runs by SQL: through the history's own writer a million runs take an hour.
 */

/** A year of runs: 50 suites, each twice an hour and more, with 20 steps. */
export const shape = { runs: 1_000_000, series: 50, steps: 20 } as const
const yearMs = 365 * 86_400_000
export const firstMs = Date.UTC(2025, 0, 1)
const everyMs = Math.floor(yearMs / shape.runs)

/** Different sets of histograms. */
const templates = 500

const key = (suite: string): string => `${suite}, 'k6', 'bench', 'http://bench', '20 journeys/s'`

/**
 * The level of run `j` of series `s`: steady, a step of a fifth every 700 runs, or a drift of 40 % over the
 * newest 1,000 runs.
 */
function levelOf(s: string, j: string): string {
  const last = shape.runs / shape.series
  return `(CASE ${s} % 3 WHEN 1 THEN 1 + 0.2 * (${j} / 700 % 2)
    WHEN 2 THEN 1 + 0.4 * (CASE WHEN ${j} > ${last - 1000} THEN ${j} - ${last - 1000} ELSE 0 END) / 1000.0
    ELSE 1 END)`
}

/** The histograms of one run. */
export function packedSample(): Buffer {
  return packHistograms(sampleHistograms())
}

/** 30 requests of each of 20 steps, from 5 to 25 ms, as k6 would time them. */
function sampleHistograms(): Record<string, Histogram> {
  const latency = (base: number): number => base * Math.exp(0.3 * (Math.random() + Math.random() - 1))
  return Object.fromEntries(
    Array.from({ length: shape.steps }, (_, step) => [
      `journey/step-${String(step).padStart(2, '0')}`,
      histogramOf(Array.from({ length: 30 }, () => latency(5 + step))),
    ]),
  )
}

/** Fills the tables of a history in SQLite. */
export function fillSqlite(database: DatabaseSync): void {
  const numbers = (to: number, name: string): string =>
    `${name}(${name}) AS (SELECT 0 UNION ALL SELECT ${name} + 1 FROM ${name} WHERE ${name} < ${to - 1})`
  // Of three even numbers: nearly normal, with a deviation of 5 %.
  const even = 'abs(random() % 1000) / 1000.0'
  const noise = `1 + 0.1 * (${even} + ${even} + ${even} - 1.5) AS noise`
  const latency = (base: string): string =>
    ['meanMs', 'p50Ms', 'p90Ms', 'p95Ms', 'p99Ms', 'maxMs']
      .map((name, index) => `'${name}', round(${base} * ${levelOf('s', 'j')} * noise * ${1 + index / 2}, 3)`)
      .join(', ')
  const stepLatencies = [1, 1.5, 2, 2.5, 3, 3.5]
    .map((share) => `round((5 + t) * ${levelOf('s', 'j')} * noise * ${share}, 3)`)
    .join(', ')
  database.exec('CREATE TEMP TABLE templates (n INTEGER PRIMARY KEY, histograms BLOB)')
  const insert = database.prepare('INSERT INTO templates VALUES (?, ?)')
  for (let n = 0; n < templates; n += 1) insert.run(n, packedSample())
  database.exec(`
    PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN;
    WITH RECURSIVE ${numbers(shape.series, 's')}
      INSERT INTO series SELECT ${key("printf('suite-%02d', s)")} FROM s;
    WITH RECURSIVE ${numbers(shape.series, 's')}, ${numbers(shape.steps, 't')}
      INSERT INTO step_names SELECT s * ${shape.steps} + t, ${key("printf('suite-%02d', s)")},
        printf('journey/step-%02d', t) FROM s, t;
    WITH RECURSIVE ${numbers(shape.runs, 'i')},
      rows AS (SELECT i, i % ${shape.series} AS s, i / ${shape.series} AS j,
        printf('suite-%02d', i % ${shape.series}) AS suite, abs(random() % 1000) AS dice, ${noise} FROM i)
      INSERT INTO runs (id, suite, engine, environment, target, load, started_ms, entry, has_steps)
      SELECT printf('run-%07d', i), ${key('suite')}, ${firstMs} + i * ${everyMs},
        json_object('id', printf('run-%07d', i), 'suite', suite, 'engine', 'k6', 'environment', 'bench',
          'target', 'http://bench', 'load', '20 journeys/s',
          'startedAt', strftime('%Y-%m-%dT%H:%M:%fZ', (${firstMs} + i * ${everyMs}) / 1000.0, 'unixepoch'),
          'durationMs', 30000, 'state', CASE WHEN dice < 5 THEN 'interrupted' ELSE 'valid' END,
          'verdict', CASE WHEN dice < 30 THEN 'fail' ELSE 'pass' END, 'revision', 'c0ffee', 'requests', 600,
          'errors', 0, 'errorRate', 0, 'throughputRps', 20, 'latency', json_object(${latency('20')})), 1
      FROM rows;
    WITH RECURSIVE ${numbers(shape.runs / shape.series, 'j')}, ${numbers(shape.series, 's')},
      ${numbers(shape.steps, 't')},
      rows AS (SELECT s * ${shape.steps} + t AS step, s, j, j * ${shape.series} + s AS i, t, ${noise}
        FROM s, t, j)
      INSERT INTO step_runs SELECT step, ${firstMs} + i * ${everyMs}, printf('run-%07d', i), 30, 0,
        ${stepLatencies}
      FROM rows;
    WITH RECURSIVE ${numbers(shape.runs, 'i')}
      INSERT INTO run_histograms SELECT printf('run-%07d', i), histograms
      FROM i JOIN templates ON n = i % ${templates};
    COMMIT; PRAGMA wal_checkpoint(TRUNCATE)`)
}

/**
 * In the order of the key and before it is made: 20 million rows into an index that is there take hours. Each
 * run has one of 500 sets of histograms.
 */
export async function fillPostgres(client: postgres.Sql, say: (text: string) => void): Promise<void> {
  const run = "'run-' || lpad(i::text, 7, '0')"
  const at = `${firstMs} + i::bigint * ${everyMs}`
  const latencies = (base: string): string =>
    [1, 1.5, 2, 2.5, 3, 3.5].map((share) => `${base} * ${levelOf('s', 'j')} * noise * ${share}`).join(', ')
  const said = async (what: string, statement: string): Promise<void> => {
    const began = performance.now()
    await client.unsafe(statement)
    say(`  ${what}: ${((performance.now() - began) / 1000).toFixed(0)} s`)
  }
  await said(
    'series and months',
    `SET synchronous_commit = off; SET search_path = vigil_history; SET maintenance_work_mem = '512MB';
     INSERT INTO series (suite, engine, environment, target, load)
       SELECT 'suite-' || lpad(s::text, 2, '0'), 'k6', 'bench', 'http://bench', '20 journeys/s'
       FROM generate_series(0, ${shape.series - 1}) s ORDER BY s;
     INSERT INTO step_names (series_id, step) SELECT s.id, 'journey/step-' || lpad(t::text, 2, '0')
       FROM series s, generate_series(0, ${shape.steps - 1}) t ORDER BY s.id, t;
     SELECT add_month(at) FROM generate_series(${firstMs}, ${firstMs + yearMs - 1}, 86400000::bigint) at`,
  )
  await said(
    'runs',
    `INSERT INTO runs SELECT ${run}, s + 1, ${at},
         to_char(to_timestamp((${at}) / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 30000,
         CASE WHEN dice < 0.005 THEN 'interrupted' ELSE 'valid' END,
         CASE WHEN dice < 0.01 THEN NULL WHEN dice < 0.03 THEN 'fail' ELSE 'pass' END,
         md5((i / 40)::text), 600, 0, 0, 20, ${latencies('20')}, true
       FROM (SELECT i, i % ${shape.series} AS s, i / ${shape.series} AS j, random() AS dice,
         exp(0.05 * random_normal()) AS noise FROM generate_series(0, ${shape.runs - 1}) i) rows`,
  )
  await client.unsafe('CREATE TEMP TABLE templates (n integer PRIMARY KEY, histograms bytea)')
  for (let n = 0; n < templates; n += 1)
    await client`INSERT INTO templates VALUES (${n}, ${packHistograms(sampleHistograms())})`
  await said(
    'histograms',
    `INSERT INTO run_histograms SELECT ${run}, ${at}, histograms
       FROM generate_series(0, ${shape.runs - 1}) i JOIN templates ON n = i % ${templates}`,
  )
  await said(
    'steps',
    `ALTER TABLE step_runs DROP CONSTRAINT step_runs_pk;
     INSERT INTO step_runs SELECT s * ${shape.steps} + t + 1, ${at}, ${run}, 30, 0, ${latencies('(5 + t)')}
       FROM (SELECT i, t, i % ${shape.series} AS s, i / ${shape.series} AS j,
         exp(0.05 * random_normal()) AS noise
         FROM generate_series(0, ${shape.runs - 1}) i, generate_series(0, ${shape.steps - 1}) t) rows`,
  )
  await said(
    'key of steps',
    `ALTER TABLE step_runs ADD CONSTRAINT step_runs_pk PRIMARY KEY (step_id, started_ms, run)
       INCLUDE (requests, errors, mean_ms, p50_ms, p90_ms, p95_ms, p99_ms, max_ms)`,
  )
  for (const table of ['series', 'step_names', 'runs', 'step_runs', 'run_histograms'])
    await client.unsafe(`VACUUM (ANALYZE) vigil_history.${table}`)
}
