import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Verdict } from '../../../baselines/index.ts'
import type { Run } from '../../../record/index.ts'
import { startService } from '../../testing/service.ts'
import type { Service } from '../../testing/service.ts'
import { homeSuites, workplace } from '../../testing/vigil.ts'
import type { Workplace } from '../../testing/vigil.ts'

let place: Workplace
let service: Service
beforeEach(async () => {
  place = workplace()
  service = await startService((_request, response) => response.end('ok'))
  place.configure({
    target: { url: service.url },
    suites: {
      bare: homeSuites.capacity,
    },
  })
})
afterEach(async () => {
  await service.close()
  place.remove()
})

const note = 'nothing was judged: suite bare has no budgets'

it(
  'a load without budgets measures only: exit 0, a note that nothing was judged, and no advice to load ' +
    'longer',
  async () => {
    const { code, stdout } = await place.vigil(['load', 'bare', '--target', service.url])
    const text = stdout.replaceAll(/\s+/g, ' ')
    expect(code, stdout).toBe(0)
    expect(text).toContain(note)
    expect(text).toContain('Next: set budgets for suite bare in the config')
    expect(text).not.toMatch(/longer|higher load/)
    const runs = join(place.folder, '.vigil', 'runs')
    const [id = ''] = readdirSync(runs)
    const verdict = JSON.parse(readFileSync(join(runs, id, 'verdict.json'), 'utf8')) as Verdict
    expect(verdict).toMatchObject({
      verdict: 'inconclusive',
      rows: [
        { metric: 'budgets', status: 'inconclusive', message: expect.stringContaining('no budget is set') },
      ],
    })
  },
)

it('with --json it prints the run record, and the note on stderr', async () => {
  const { code, stdout, stderr } = await place.vigil(['load', 'bare', '--json', '--target', service.url])
  expect(code, stderr).toBe(0)
  expect((JSON.parse(stdout) as Run).suite).toBe('bare')
  expect(stderr).toContain(note)
})

it('a gate without budgets is inconclusive, exit 3', async () => {
  const { code, stdout } = await place.vigil(['gate', '--target', service.url])
  expect(code, stdout).toBe(3)
  expect(stdout).not.toMatch(/longer|higher load/)
})
