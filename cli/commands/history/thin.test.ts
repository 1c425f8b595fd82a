import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { acceptRuns } from '../../../baselines/accepted/index.ts'
import type { Run } from '../../../record/index.ts'
import { runFolder, writeRecord } from '../../../record/store/index.ts'
import { countsOf, exampleRun, spread } from '../../../record/testing/examples/runs.ts'
import { writeBaseline } from '../../shared/baselines.ts'
import { runInWorld } from '../../testing/world.ts'
import type { Said } from '../../testing/world.ts'
import { history } from './run.ts'
import type { HistoryOptions } from './command.ts'

let place = ''

/** Four runs a day for twenty days; from the tenth day on they take a third longer. */
function runAt(index: number): Run {
  const ms = (index < 40 ? 10 : 13) * (1 + 0.01 * ((index * 7) % 3))
  const startedAt = new Date(Date.UTC(2026, 0, 5) + index * 6 * 3_600_000).toISOString()
  const id = `run-${String(index).padStart(2, '0')}`
  return exampleRun({ 'a/b': countsOf(spread(100, ms, ms * 2)) }, { id, startedAt })
}

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'vigil-thin-'))
  for (let index = 0; index < 80; index += 1)
    await writeRecord(await runFolder(place, runAt(index).id), runAt(index))
  const accepted = acceptRuns(undefined, [
    { run: runAt(5), verdict: { schema: 'vigil.verdict/1', verdict: 'pass', rows: [] } },
  ])
  if (accepted.state === 'invalid') throw new Error(accepted.reasons.join())
  await writeBaseline(join(place, 'baselines', 'stored'), accepted.baseline)
  writeFileSync(
    join(place, 'journeys.mjs'),
    `export default [{ name: 'a', steps: [{ name: 'b', request: () => ({ method: 'GET', path: '/' }) }] }]`,
  )
  writeFileSync(
    join(place, 'vigil.config.mjs'),
    `export default { target: { url: 'http://127.0.0.1:8000' }, journeys: './journeys.mjs', suites: { browse:
       { journeys: { a: 1 }, engine: 'k6', load: { ratePerSecond: 20 }, durationSeconds: 30 } } }`,
  )
})
afterAll(() => rmSync(place, { recursive: true, force: true }))

async function here(options: Partial<HistoryOptions>, suite?: string): Promise<Said> {
  const all = { config: 'vigil.config.mjs', runs: 1000, out: place, ...options }
  return runInWorld(place, async (world) => history(suite, all, world), { now: () => Date.UTC(2026, 0, 28) })
}

/** The points of the step, as a document. */
async function pointsOf(): Promise<{ id: string; requests: number }[]> {
  const { stdout } = await here({ step: 'a/b', json: true })
  return (
    (JSON.parse(stdout) as { groups: { runs: { id: string; requests: number }[] }[] }).groups[0]?.runs ?? []
  )
}

it('thins only when asked, and keeps accepted runs and those near a change', async () => {
  const before = await here({ thin: 5 })
  expect(before.stdout).toMatch(
    /^browse {2}k6, .*\n {2}72 old runs: the steps of (\d+) would be merged to 1\d days; kept: 1 accepted, 1\d near a change\nNothing was changed\. Repeat with --apply to merge; it cannot be undone\.\n$/,
  )
  expect(await pointsOf()).toHaveLength(80)
  const overall = (await here({ json: true })).stdout
  const { stdout } = await here({ thin: 5, apply: true })
  expect(stdout).toContain('The figures and verdicts of all runs are kept.')
  const points = await pointsOf()
  const ids = points.map(({ id }) => id)
  expect(ids).toEqual(expect.arrayContaining(['merged-2026-01-05', 'run-05', 'run-39', 'run-40', 'run-79']))
  expect(ids).not.toContain('run-04')
  expect(points.reduce((sum, { requests }) => sum + requests, 0)).toBe(8000)
  // The whole runs, and the change of their level, are as they were.
  expect((await here({ json: true })).stdout).toBe(overall)
  expect((await here({ thin: 5, apply: true })).stdout).toContain('the steps of 0 merged to 0 days')
})

it('refuses what it cannot know to be safe', async () => {
  await expect(here({ thin: 5, config: 'other.config.mjs' })).rejects.toThrow('other.config.mjs')
  await expect(here({ thin: 5 }, 'brwose')).rejects.toThrow('expected one of the config: browse')
  await expect(here({ apply: true })).rejects.toThrow('found no --thin')
  writeFileSync(join(place, 'baselines', 'stored', 'other.json'), '{')
  await expect(here({ thin: 5 })).rejects.toThrow('other.json: not JSON')
})
