import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { Verdict } from '../baselines/index.ts'
import { countsOf, exampleRun, spread } from '../record/testing/examples/runs.ts'
import { workplace } from './testing/vigil.ts'

const place = workplace()
afterAll(() => place.remove())

it('a document larger than a pipe holds is printed whole', async () => {
  const steps = Object.fromEntries(
    Array.from({ length: 2000 }, (_, step) => [`home/step-${step}`, { p95Ms: 500 }]),
  )
  const suites = {
    rate: {
      engine: 'k6' as const,
      journeys: { home: 1 },
      load: { ratePerSecond: 1 },
      durationSeconds: 1,
      budgets: { steps },
    },
  }
  place.configure({ target: { url: 'http://127.0.0.1:9' }, suites })
  const run = { ...exampleRun({ 'home/get': countsOf(spread(100, 1, 40)) }), suite: 'rate' }
  const folder = join(place.folder, '.vigil', 'runs', run.id)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'record.json'), JSON.stringify(run))
  const { stdout } = await place.vigil(['report', '--json'])
  expect(stdout.length).toBeGreaterThan(200_000)
  expect((JSON.parse(stdout) as Verdict).rows).toHaveLength(2000)
})
