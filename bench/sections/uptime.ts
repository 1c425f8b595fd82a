import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import type { ProbeOutcome } from '../../record/index.ts'
import { median } from '../../record/statistics/index.ts'
import { createCondenser, formatDay, openSqliteStore } from '../../synthetics/history/index.ts'
import { runCommand, spreadOf } from '../workbench.ts'
import type { Figure, Section } from '../workbench.ts'

const shape = { probes: 200, days: 365, everyMs: 30_000 } as const
const dayMs = 86_400_000
const perDay = dayMs / shape.everyMs
const target = 'https://shop.example'
const steps = ['open', 'search', 'order']

/** A year of results, condensed as the scheduler does it, and the last hour as results. */
export const uptime: Section = {
  name: 'uptime',
  about: `vigil uptime over a year of ${shape.probes} probes at 30 s (${(
    shape.probes *
    shape.days *
    perDay
  ).toLocaleString('en')} results)`,
  run: async (bench) => {
    const out = join(bench.folder, 'uptime')
    mkdirSync(out, { recursive: true })
    const file = join(out, 'history.db')
    const lastHourMs = Date.now() - 3_600_000
    openSqliteStore(file, () => 'bench').close()
    const rows = fillDays(file, lastHourMs)
    fillHour(file, lastHourMs)
    const times: number[] = []
    let most = 0
    for (let round = 0; round < bench.rounds; round += 1) {
      const { code, wallMs, maxRssBytes, stderr } = await runCommand(
        join(bench.root, 'vigil'),
        ['uptime', '--days', String(shape.days), '--json', '--out', out],
        out,
      )
      if (code !== 0) throw new Error(`vigil uptime ended with ${code}: ${stderr}`)
      times.push(wallMs)
      most = Math.max(most, maxRssBytes)
    }
    const figures: Figure[] = [
      {
        what: `the whole command, ${rows} days of probes`,
        value: `${spreadOf(times, (ms) => `${ms.toFixed(0)} ms`)}, ${(most / 1e6).toFixed(0)} MB`,
        goal: '≤ 1 s',
        met: median(times) <= 1000,
      },
      { what: 'the file', value: `${(statSync(file).size / 1e6).toFixed(0)} MB` },
    ]
    return figures
  },
}

/**
 * Each result is drawn: an outage of 5 minutes every 3.5 days, a degraded result in 2,000, an unknown one in
 * 10,000.
 */
function* outcomesOf(count: number): Generator<ProbeOutcome> {
  let isDown = false
  for (let index = 0; index < count; index += 1) {
    const dice = Math.random()
    isDown = isDown ? dice > 0.1 : dice < 0.0001
    yield isDown ? 'down' : dice > 0.9995 ? 'degraded' : dice > 0.9994 ? 'unknown' : 'up'
  }
}

function fillDays(file: string, untilMs: number): number {
  const database = new DatabaseSync(file)
  const insert = database.prepare(
    'INSERT INTO days (day_ms, probe, target, content, crc) VALUES (?, ?, ?, ?, ?)',
  )
  const last = Math.floor(untilMs / dayMs)
  let rows = 0
  database.exec('BEGIN')
  for (let number = 0; number < shape.probes; number += 1) {
    const probe = `probe-${String(number).padStart(3, '0')}`
    const outcomes = outcomesOf(Infinity)
    for (let day = last - shape.days; day <= last; day += 1) {
      const { add, stretches } = createCondenser()
      const startMs = day * dayMs + number * 100
      const count = Math.min(perDay, Math.ceil((untilMs - startMs) / shape.everyMs))
      for (let index = 0; index < count; index += 1) {
        const startedAtMs = startMs + index * shape.everyMs
        const outcome = outcomes.next().value ?? 'up'
        add({ startedAtMs, holdsUntilMs: startedAtMs + 1.5 * shape.everyMs, outcome, count: 1 })
      }
      const flakes = steps.map((step) => ({ step, runs: count, flaked: Math.round(Math.random()) }))
      const text = formatDay({ probe, target, dayMs: day * dayMs, stretches, steps: flakes })
      insert.run(day * dayMs, probe, target, text, crc32(text))
      rows += 1
    }
  }
  database.prepare('INSERT INTO condensed (one, until_ms) VALUES (1, ?)').run(untilMs)
  database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
  database.close()
  return rows
}

function fillHour(file: string, fromMs: number): void {
  const database = new DatabaseSync(file)
  database.exec('PRAGMA synchronous = OFF')
  database.close()
  const store = openSqliteStore(file, () => 'bench')
  for (let atMs = fromMs; atMs < fromMs + 3_600_000; atMs += shape.everyMs)
    for (let number = 0; number < shape.probes; number += 1) {
      const probe = `probe-${String(number).padStart(3, '0')}`
      const startedAtMs = atMs + number * 100
      store.add({
        probe,
        target,
        startedAtMs,
        holdsUntilMs: startedAtMs + 1.5 * shape.everyMs,
        result: {
          name: probe,
          outcome: 'up',
          startedAt: new Date(startedAtMs).toISOString(),
          durationMs: 120,
          attempts: 1,
          steps: steps.map((step) => ({ step, ok: true, status: 200, durationMs: 40 })),
        },
      })
    }
  store.close()
}
