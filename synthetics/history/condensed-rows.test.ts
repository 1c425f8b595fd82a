import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import type { ProbeOutcome } from '../../record/index.ts'
import { temporaryFolder } from '../../runtime/testing/temporary-folder.ts'
import { copyDays } from './condensed-rows.ts'
import { salvageFile } from './database.ts'
import { openSqliteStore } from './sqlite-store.ts'
import type { HistoryEntry, HistoryStore } from './store.ts'
import { entryAt } from './testing/entries.ts'
import { computeUptime } from './uptime.ts'
import type { ProbeUptime } from './uptime.ts'

const folder = temporaryFolder('condensed')
const start = Date.parse('2026-11-20T00:00:00Z')
const [minute, day] = [60_000, 86_400_000]
const endMs = start + 3 * day

/** Three days of two probes, each five minutes: outages, flapping, flakes, and two hours without. */
const entries: HistoryEntry[] = Array.from({ length: 3 * 288 }, (_, index) => index).flatMap((index) => {
  if (index > 400 && index < 424) return []
  const outcome: ProbeOutcome =
    index % 97 < 4 ? 'down' : index % 31 === 0 ? 'degraded' : index % 53 === 0 ? 'unknown' : 'up'
  const at = start + index * 5 * minute
  const earlier = [{ step: 'get', class: 'connect' as const, message: 'a reset connection' }]
  return [
    entryAt(at, outcome, { everyMs: 5 * minute, result: outcome === 'degraded' ? { earlier } : {} }),
    entryAt(at + 7, index > 700 ? 'down' : 'up', { probe: 'login', everyMs: 5 * minute }),
  ]
})

function open(name: string): HistoryStore {
  return openSqliteStore(join(folder, name), () => 'test')
}

function uptimeOf(store: HistoryStore): ProbeUptime[] {
  const condensedMs = store.condensedUntil()
  return computeUptime(
    store.read({ fromMs: condensedMs, toMs: endMs }),
    { fromMs: start, toMs: endMs, objective: 0.99, probes: [] },
    store.days({ fromMs: start, toMs: endMs }),
  )
}

function filled(name: string, all = entries): HistoryStore {
  const store = open(name)
  for (const entry of all) store.add(entry)
  return store
}

it('the uptime of condensed results is that of the results, at every stage', () => {
  const store = filled('stages.db')
  const expected = uptimeOf(store)
  expect(expected.map(({ incidents }) => incidents.length)).toEqual([9, 1])
  let count = 0
  for (;;) {
    const more = store.condense(start + 2.5 * day, 100)
    if (more === 0) break
    count += more
    expect(uptimeOf(store)).toEqual(expected)
  }
  expect(count).toBe(entries.filter(({ startedAtMs }) => startedAtMs < start + 2.5 * day).length)
  store.forget({ resultsMs: endMs, daysMs: 0 })
  expect([...store.read({ fromMs: 0, toMs: start + 2 * day })]).toEqual([])
  expect(uptimeOf(store)).toEqual(expected)
  store.close()
})

it('a result that comes late is added to its day, once', () => {
  const isLate = ({ startedAtMs }: HistoryEntry): boolean => startedAtMs === start + 100 * 5 * minute
  const [store, all] = [
    filled(
      'late.db',
      entries.filter((entry) => !isLate(entry)),
    ),
    filled('all.db'),
  ]
  while (store.condense(endMs, 500) > 0);
  for (const late of entries.filter(isLate)) store.add(late)
  const counts = uptimeOf(store).map(({ results }) => results)
  expect(counts).toEqual(uptimeOf(all).map(({ results }) => results))
  store.close()
  all.close()
})

it('two processes that condense the same results count them once', () => {
  const [one, other] = [filled('shared.db'), open('shared.db')]
  const expected = uptimeOf(one)
  while (one.condense(endMs, 200) + other.condense(endMs, 200) > 0);
  expect(uptimeOf(other)).toEqual(expected)
  one.close()
  other.close()
})

it('results are not forgotten before they are condensed; days are forgotten at last', () => {
  const store = filled('forget.db')
  store.forget({ resultsMs: endMs, daysMs: 0 })
  expect([...store.read({ fromMs: 0, toMs: endMs })]).toHaveLength(entries.length)
  while (store.condense(endMs, 500) > 0);
  store.forget({ resultsMs: endMs, daysMs: start + day })
  expect([...store.days({ fromMs: 0, toMs: endMs })].map(({ dayMs }) => (dayMs - start) / day)).toEqual([
    1, 2, 1, 2,
  ])
  store.close()
})

it('a file that is made again has the days whose results are gone, and condenses the others again', () => {
  const store = filled('salvaged.db')
  const expected = uptimeOf(store)
  while (store.condense(start + 2.5 * day, 500) > 0);
  store.forget({ resultsMs: endMs, daysMs: 0 })
  store.close()
  salvageFile(join(folder, 'salvaged.db'), 'test', copyDays).database.close()
  const again = open('salvaged.db')
  expect(again.condensedUntil()).toBe(start + 2 * day)
  expect(uptimeOf(again)).toEqual(expected)
  while (again.condense(endMs, 500) > 0);
  expect(uptimeOf(again)).toEqual(expected)
  again.close()
})

it('a damaged day is named and left out', () => {
  const store = filled('damaged.db')
  while (store.condense(endMs, 500) > 0);
  store.forget({ resultsMs: endMs, daysMs: 0 })
  store.close()
  const file = join(folder, 'damaged.db')
  const database = new DatabaseSync(file)
  database.exec(`UPDATE days SET content = '{}' WHERE probe = 'login' AND day_ms = ${start}`)
  database.close()
  const damaged = open('damaged.db')
  expect([...damaged.days({ fromMs: 0, toMs: endMs })]).toHaveLength(5)
  expect(damaged.problems()).toEqual([
    `${file}: the day 2026-11-20 of probe login is damaged and was left out`,
  ])
  damaged.close()
  rmSync(file)
})
