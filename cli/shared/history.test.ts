import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openSqliteStore } from '../../synthetics/history/index.ts'
import { entryAt } from '../../synthetics/history/testing/entries.ts'
import { temporaryFolder } from '../../runtime/testing/temporary-folder.ts'
import { keepOnce } from './history.ts'
import type { Session } from './session.ts'

const out = temporaryFolder('history')
const nowMs = Date.parse('2026-11-20T00:00:00Z')
const [hour, day] = [3_600_000, 86_400_000]

// Only what keeping results uses.
const session: Session = Object.assign(Object.create(null), {
  out,
  targetUrl: 'http://127.0.0.1:1',
  world: { now: () => nowMs },
  progress: { warn: (problem: string) => expect.fail(problem) },
  loaded: { config: {} },
})

it('each single run of probes condenses settled results, and deletes what is not read any more', async () => {
  const open = () => openSqliteStore(join(out, 'history.db'), () => 'test')
  const before = open()
  for (const age of [500 * day, 40 * day, 2 * hour, hour / 2]) before.add(entryAt(nowMs - age, 'up'))
  before.close()
  const keep = async () =>
    keepOnce(session, [entryAt(nowMs, 'up').result], async () => ({ cadence: undefined, deadlineMs: 1000 }))
  await keep()
  await keep()
  const after = open()
  const everything = { fromMs: 0, toMs: nowMs + day }
  expect(after.condensedUntil()).toBe(nowMs - hour)
  expect([...after.days(everything)].map(({ dayMs }) => dayMs)).toEqual([nowMs - 40 * day, nowMs - day])
  const ages = [...after.read(everything)].map(({ startedAtMs }) => nowMs - startedAtMs)
  expect(ages).toEqual([2 * hour, hour / 2, 0, 0])
  after.close()
})
