import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CapacityResult } from '../../../load/capacity/index.ts'
import { startPrometheus } from '../../../runtime/services/index.ts'
import { requireTool } from '../../../runtime/tools/index.ts'
import { startService } from '../../testing/service.ts'
import type { Service } from '../../testing/service.ts'
import { homeSuites, workplace } from '../../testing/vigil.ts'
import type { Workplace } from '../../testing/vigil.ts'

/** Service time per request, one at a time: with n connections a response takes n times as long. */
const eachMs = 10

let place: Workplace
let service: Service
let queue = Promise.resolve()
beforeAll(async () => {
  place = workplace()
  service = await startService((_request, response) => {
    queue = queue
      .then(async () => new Promise((resolve) => setTimeout(resolve, eachMs)))
      .then(() => void response.end('ok'))
  })
  place.configure({
    target: { url: service.url },
    suites: {
      busy: { ...homeSuites.capacity, durationSeconds: 5 },
    },
    budgets: { meanMs: 4.5 * eachMs },
    forecasts: {
      database: { query: 'database_bytes', limit: 100e9, unit: 'bytes' },
      load: { query: 'sum(peak_requests_per_second)', limit: 'capacity', unit: 'per second' },
      absent: { query: 'nothing_of_the_kind', limit: 1 },
    },
  })
})
afterAll(async () => {
  await service.close()
  place.remove()
})

const asked = ['capacity', 'busy', '--step-seconds', '1', '--from', '4', '--json']

describe('vigil capacity', { timeout: 300_000 }, () => {
  it(
    'finds the connections at which a budget breaks, the budget that does, and when growth gets to a ' +
      'limit',
    async () => {
      const prometheus = await startPrometheus(await withHistory(join(place.folder, 'prometheus')))
      if (prometheus.state === 'failed') throw new Error(prometheus.reason)
      const { code, stdout, stderr } = await place.vigil([
        ...asked,
        '--target',
        service.url,
        '--prometheus',
        prometheus.service.url,
        '--days',
        '30',
      ])
      await prometheus.service.stop()
      expect(code, stderr).toBe(0)
      const result: CapacityResult = JSON.parse(stdout)
      // If the machine starves the generator, the other right answer is that the generator was the limit.
      if (result.knee.state !== 'found')
        expect(result.knee).toMatchObject({ state: 'beyond', because: 'unmeasured' })
      else expect(result.knee.breaks - result.knee.keeps).toBe(1)
      // A slow machine makes it fewer connections, none makes it more: a step holds some hundred answers, so
      // that its first few, who found no queue yet, do not carry its mean below the budget.
      if ('keeps' in result.knee) expect(result.knee.keeps).toBeLessThanOrEqual(4)
      const broken = result.levels.flatMap(({ samples }) =>
        samples.filter(({ outcome }) => outcome === 'broke'),
      )
      expect(broken.flatMap(({ because }) => because).filter((words) => !words.startsWith('mean '))).toEqual(
        [],
      )
      const { database, load, absent } = Object.fromEntries(
        result.forecasts.map(({ name, forecast }) => [name, forecast]),
      )
      // 60 GB today and 1 GB more each day: 100 GB in 40 days.
      if (database?.state !== 'in sight') throw new Error(JSON.stringify(database))
      expect(Math.round((database.likelyMs - Date.now()) / 86_400_000)).toBeCloseTo(40, -1)
      expect(load?.state).toBe('in sight')
      expect(absent).toMatchObject({ state: 'unknown', reason: expect.stringContaining('no series') })
      const folder =
        readdirSync(join(place.folder, '.vigil/runs')).find((name) =>
          existsSync(join(place.folder, '.vigil/runs', name, 'capacity.json')),
        ) ?? 'none'
      expect(readFileSync(join(place.folder, '.vigil/runs', folder, 'report.html'), 'utf8')).toContain('<svg')
    },
  )

  it.each([
    ['no budget to break', ['capacity', 'idle'], 'suite idle has no budgets'],
    [
      'a service that is not ours to start',
      [...asked, '--target', 'http://127.0.0.1:9', '--vary', 'POOL=1,2'],
      '--vary starts the service with each value',
    ],
    ['one value only', [...asked, '--vary', 'POOL=1'], 'expected a variable and two or more values'],
    ['an unknown suite', ['capacity', 'bussy'], 'did you mean busy'],
  ])('with %s ends with exit 2 and one line', async (_what, args, words) => {
    const other = workplace()
    other.configure({
      target: { url: service.url },
      suites: {
        busy: { ...homeSuites.capacity, durationSeconds: 5, budgets: { meanMs: 5 } },
        idle: { ...homeSuites.capacity, durationSeconds: 5 },
      },
    })
    const { code, stderr } = await other.vigil(args)
    other.remove()
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)])
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it('of a target that is down is invalid', async () => {
    const { code, stderr } = await place.vigil([...asked, '--target', 'http://127.0.0.1:9'])
    expect([code, stderr]).toEqual([4, expect.stringContaining('refused')])
  })
})

/** A Prometheus with 30 days of a database and a load that grow by the day. */
async function withHistory(folder: string): Promise<Parameters<typeof startPrometheus>[0]> {
  mkdirSync(folder, { recursive: true })
  const now = Math.floor(Date.now() / 1000)
  const hours = Array.from({ length: 30 * 24 }, (_, hour) => ({
    at: now - (30 * 24 - hour) * 3600,
    days: hour / 24 - 30,
  }))
  const text = [
    '# TYPE database_bytes gauge',
    ...hours.map(({ at, days }) => `database_bytes ${(60 + days) * 1e9} ${at}`),
    '# TYPE peak_requests_per_second gauge',
    ...hours.map(({ at, days }) => `peak_requests_per_second ${31 + days + (at % 7)} ${at}`),
    '# EOF\n',
  ].join('\n')
  writeFileSync(join(folder, 'history.txt'), text)
  writeFileSync(join(folder, 'prometheus.yml'), 'global: { scrape_interval: 15s }\n')
  execFileSync(
    await requireTool('promtool'),
    [
      'tsdb',
      'create-blocks-from',
      '--max-block-duration=720h',
      'openmetrics',
      join(folder, 'history.txt'),
      join(folder, 'data'),
    ],
    { stdio: 'ignore' },
  )
  return {
    program: await requireTool('prometheus'),
    configFile: join(folder, 'prometheus.yml'),
    folder,
    retention: '400d',
  }
}
