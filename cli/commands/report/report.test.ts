import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { judgeRun, combineVerdicts } from '../../../baselines/index.ts'
import { countsOf, exampleRun, spread } from '../../../record/testing/examples/runs.ts'
import { runFolder } from '../../../record/store/index.ts'
import { toRunReport, writeGate, writeRun } from '../../shared/artefacts.ts'
import { runInWorld } from '../../testing/world.ts'
import { report } from './run.ts'

/* A gate of one probe and one run, whose budget was tightened later. */
const run = exampleRun({ 'home/get': countsOf(spread(4000, 5, 90)) })
const probes = {
  schema: 'vigil.probes/1' as const,
  run: 'g',
  probes: [
    { name: 'home', outcome: 'up' as const, startedAt: run.startedAt, durationMs: 5, attempts: 1, steps: [] },
  ],
}
const push = {
  rule: 'push',
  step: null,
  metric: 'push',
  status: 'invalid' as const,
  message: 'metrics were not pushed',
}
let folder = ''
const gate = '20260102-030405-006-gate-a1b2'

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-report-'))
  writeFileSync(
    join(folder, 'journeys.mjs'),
    "const request = () => ({ method: 'GET', path: '/' })\n" +
      "export default [{ name: 'home', steps: [{ name: 'get', request }] }]\n",
  )
  const suite = { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 20 }, durationSeconds: 30 }
  const config = {
    target: { url: 'http://127.0.0.1:9' },
    journeys: './journeys.mjs',
    suites: { browse: { ...suite, budgets: { p95Ms: 10 } } },
  }
  writeFileSync(join(folder, 'vigil.config.mjs'), `export default ${JSON.stringify(config)}\n`)
  const out = join(folder, '.vigil')
  const budgets = { p95Ms: 500 }
  const judged = { run, budgets, verdict: judgeRun(run, budgets), folder: await runFolder(out, run.id) }
  await writeRun(judged)
  const written = join(out, 'gates', gate)
  mkdirSync(written, { recursive: true })
  await writeGate(written, {
    title: 'gate',
    verdict: combineVerdicts([judged.verdict], [push]),
    runs: [toRunReport(judged)],
    probes,
    notes: [],
    folder: written,
    vigilVersion: '0',
  })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const options = { config: 'vigil.config.mjs', out: '.vigil' }

describe('vigil report of a gate', () => {
  it.each([gate, join('.vigil/gates', gate)])(
    'judges its runs by the budgets of today, and keeps what else it found: %s',
    async (name) => {
      const before = join(folder, '.vigil/gates', gate, 'verdict.json')
      const { code, stdout } = await runInWorld(folder, async (world) => report(name, options, world))
      expect([code, stdout]).toEqual([
        0,
        expect.stringMatching(/^FAIL {2}gate: 1 of 3 checks failed, 1 invalid/),
      ])
      const { rows } = JSON.parse(readFileSync(before, 'utf8')) as {
        rows: { rule: string; status: string }[]
      }
      expect(rows.map(({ rule, status }) => `${rule} ${status}`)).toEqual([
        'probe pass',
        'push invalid',
        'budget fail',
      ])
    },
  )
})
