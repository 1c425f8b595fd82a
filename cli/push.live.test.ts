import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startGateway } from '../runtime/pushgateway/testing/gateway.ts'
import type { Gateway } from '../runtime/pushgateway/testing/gateway.ts'
import type { Verdict } from '../baselines/index.ts'
import { startService } from './testing/service.ts'
import type { Service } from './testing/service.ts'
import { homeSuites, workplace } from './testing/vigil.ts'
import type { Workplace } from './testing/vigil.ts'

let pushgateway: Gateway
let place: Workplace
let service: Service
let status = 200
// A machine that has no Pushgateway fetches it once, which takes as long as its network does.
beforeAll(async () => {
  pushgateway = await startGateway()
}, 300_000)
afterAll(async () => pushgateway.stop())
beforeEach(async () => {
  await pushgateway.wipe()
  place = workplace()
  status = 200
  service = await startService((_request, response) => {
    response.statusCode = status
    // So that the generator is not the limit.
    setTimeout(() => response.end('ok'), 5)
  })
})
afterEach(async () => {
  await service.close()
  place.remove()
})

const nowhere = 'http://127.0.0.1:9'

function configure(changes: Partial<Parameters<Workplace['configure']>[0]> = {}): void {
  place.configure({
    target: { url: service.url },
    suites: {
      bare: homeSuites.capacity,
    },
    probes: { one: { journey: 'home', attempts: 1 }, two: { journey: 'home', attempts: 1 } },
    pushgateway: { url: pushgateway.url },
    ...changes,
  })
}

/** The series of a metric as they are scraped, in order. */
async function series(metric: string): Promise<string[]> {
  const text = await (await fetch(`${pushgateway.url}/metrics`)).text()
  return text.split('\n').filter((line) => line.startsWith(`${metric}{`))
}

const success = (environment: string, where: string, probe: string, value: number): string =>
  `vigil_probe_success{environment="${environment}",instance="",job="vigil",` +
  `place="${where}",probe="${probe}"} ${value}`

describe('a probe that ran once', () => {
  it('has its latest result on the Pushgateway, also after another one ran alone', async () => {
    configure({ pushgateway: { url: `${pushgateway.url}/` } })
    for (const names of [[], ['one']])
      expect(await place.vigil(['probe', '--json', ...names])).toMatchObject({
        code: 0,
        stderr: expect.not.stringContaining('not pushed'),
      })
    const host = '127.0.0.1'
    expect(await series('vigil_probe_success')).toEqual([
      success(host, 'default', 'one', 1),
      success(host, 'default', 'two', 1),
    ])
  })

  it.runIf(spawnSync('taskset', ['-c', '0', 'true']).status === 0)(
    'replaces its result from a machine with other facts: what was down is up',
    async () => {
      configure()
      status = 500
      const { ran } = place.startWith(
        'taskset',
        ['-c', '0'],
        ['probe', '--once', '--config', 'vigil.config.mjs'],
      )
      expect((await ran).code).toBe(1)
      const before = await series('vigil_probe_success')
      status = 200
      expect((await place.vigil(['probe', '--once'])).code).toBe(0)
      const after = await series('vigil_probe_success')
      expect([before, after].map((lines) => lines.map((line) => line.at(-1)))).toEqual([
        ['0', '0'],
        ['1', '1'],
      ])
    },
  )

  it('is a group of its own for each environment and place, of the variables or the config', async () => {
    configure({ environment: 'shop', place: 'berlin' })
    const from = async (env: NodeJS.ProcessEnv): Promise<void> =>
      void (await place.vigil(['probe', 'one'], { env }))
    await from({})
    await from({ VIGIL_PLACE: 'tokyo' })
    await from({ VIGIL_ENVIRONMENT: 'staging', VIGIL_PLACE: '' })
    expect(await series('vigil_probe_success')).toEqual([
      success('shop', 'berlin', 'one', 1),
      success('shop', 'tokyo', 'one', 1),
      success('staging', 'berlin', 'one', 1),
    ])
    expect(await place.vigil(['probe', 'one'], { env: { VIGIL_PLACE: '../up' } })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("VIGIL_PLACE: expected 1 to 64 letters, digits, '.', '_' or '-', got"),
    })
  })

  it('says when its next result is overdue: by its interval, else by its history, else never', async () => {
    const nextDue = async (): Promise<(string | undefined)[]> =>
      (await series('vigil_probe_next_due_timestamp_seconds')).map((line) => /probe="(.*?)"/.exec(line)?.[1])
    configure({
      probes: { one: { journey: 'home', every: '5m' }, two: { journey: 'home' }, three: { journey: 'home' } },
    })
    const seen = []
    for (const names of [[], ['two'], ['two']]) {
      expect((await place.vigil(['probe', '--once', ...names])).code).toBe(0)
      seen.push(await nextDue())
    }
    expect(seen).toEqual([['one'], ['one'], ['one', 'two']])
    const [line = ''] = await series('vigil_probe_next_due_timestamp_seconds')
    const minutesLeft = (Number(line.split(' ')[1]) - Date.now() / 1000) / 60
    // 5 minutes, a minute late, and two attempts of 10 s each.
    expect(minutesLeft).toBeGreaterThan(5.5)
    expect(minutesLeft).toBeLessThan(7)
    expect(await series('vigil_probe_valid_until_timestamp_seconds')).toHaveLength(2)
  })

  it('is not worse because there is no Pushgateway, unless it is required', async () => {
    configure({ pushgateway: { url: nowhere } })
    expect(await place.vigil(['probe', 'one'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`metrics of probes were not pushed: ${nowhere}: `),
    })
    configure({ pushgateway: { url: nowhere, require: true } })
    expect((await place.vigil(['probe', 'one'])).code).toBe(4)
  })
})

describe('a load run', () => {
  it('is pushed under its suite, environment and place, and nothing of the machine', async () => {
    configure()
    const { stdout } = await place.vigil(['load', 'bare'])
    expect(stdout).toContain('metrics were pushed')
    const [verdict] = await series('vigil_run_verdict')
    expect(verdict).toContain(
      '{engine="autocannon",environment="127.0.0.1",instance="",job="vigil",place="default",suite="bare",',
    )
    expect(await series('push_time_seconds')).toEqual([
      expect.stringContaining(
        '{environment="127.0.0.1",instance="",job="vigil",place="default",suite="bare"}',
      ),
    ])
  })

  it('has the latencies of its steps as histograms in addition, if that is configured', async () => {
    configure({ pushgateway: { url: pushgateway.url, nativeHistograms: true } })
    expect((await place.vigil(['load', 'bare'])).stdout).toContain('metrics were pushed')
    expect(await series('vigil_run_verdict')).toHaveLength(4)
    const [count = ''] = await series('vigil_run_step_latency_seconds_count')
    const [requests = ''] = await series('vigil_run_latency_seconds_count')
    expect(count).toMatch(/place="default",step="home\/[a-z]+",suite="bare"\}/)
    expect(count.split(' ').at(-1)).toBe(requests.split(' ').at(-1))
  })

  it('that could not be pushed measured all the same, unless pushing is required', async () => {
    // On a busy machine a run may be invalid for another reason; what the push adds to it is what counts.
    const load = async (
      ...args: string[]
    ): Promise<{ code: number | null; stderr: string; rows: string[] }> => {
      const { code, stderr } = await place.vigil(['load', 'bare', ...args])
      const runs = join(place.folder, '.vigil', 'runs')
      const id = readdirSync(runs).toSorted().at(-1) ?? ''
      const verdict = JSON.parse(readFileSync(join(runs, id, 'verdict.json'), 'utf8')) as Verdict
      expect(verdict.run).toBe(id)
      return {
        code,
        stderr,
        rows: verdict.rows.flatMap(({ rule, status }) => (rule === 'push' ? [status] : [])),
      }
    }
    configure({ pushgateway: { url: nowhere } })
    expect(await load()).toMatchObject({
      stderr: expect.stringContaining(`metrics of bare were not pushed: ${nowhere}: `),
      rows: [],
    })
    expect(await load('--require-push')).toMatchObject({ code: 4, rows: ['invalid'] })
    configure({ pushgateway: { url: nowhere, require: true } })
    expect(await load()).toMatchObject({ code: 4, rows: ['invalid'] })
  })

  it('of a gate that had to be pushed and was not is exit 4, with the reason as a row', async () => {
    configure({ pushgateway: { url: nowhere }, probes: {}, budgets: { errorRate: 0.5 } })
    const gate = async (argument: string): Promise<{ code: number | null; pushed: string[] }> => {
      const { code, stdout } = await place.vigil(['gate', '--json', argument])
      const { rows } = JSON.parse(stdout) as Verdict
      return { code, pushed: rows.filter(({ rule }) => rule === 'push').map(({ status }) => status) }
    }
    expect(await gate('--require-push')).toEqual({ code: 4, pushed: ['invalid'] })
    expect((await gate('--quiet')).pushed).toEqual([])
  })

  it('of a target that was never reached replaces nothing', async () => {
    configure({ target: { url: nowhere } })
    expect((await place.vigil(['load', 'bare'])).code).toBe(4)
    expect(await series('push_time_seconds')).toEqual([])
  })

  it.each([
    ['load', 'bare'],
    ['gate', '--json'],
  ])('that is interrupted pushes nothing: %s', async (command, argument) => {
    configure({ probes: {} })
    let measuring = (): void => undefined
    const isMeasuring = new Promise<void>((resolve) => (measuring = resolve))
    const { process: child, ran } = place.start(
      [command, argument, '--duration', '60', '--config', 'vigil.config.mjs'],
      { onStderr: (text) => (text.includes('measuring') ? measuring() : undefined) },
    )
    await Promise.race([isMeasuring, ran])
    child.kill('SIGINT')
    expect((await ran).code).toBe(130)
    expect(await series('push_time_seconds')).toEqual([])
  })
})
