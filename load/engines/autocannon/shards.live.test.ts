import { describe, expect, test } from 'vitest'
import { countOf } from '../../../record/index.ts'
import { serve } from './testing/service.ts'
import { load, measurementOf, processIds, until } from './testing/workbench.ts'

const journeys = `[
  { name: 'home', steps: [
    { name: 'get', request: (ctx) => ({ method: 'GET', path: '/home/' + ctx.iteration }) },
  ] },
  { name: 'two', steps: [
    { name: 'a', request: (ctx) => ({ method: 'GET', path: '/a/' + ctx.iteration }) },
    { name: 'b', request: () => ({ method: 'GET', path: '/b' }), status: 404 },
  ] },
]`

describe('a load of connections by several processes', () => {
  test('sends each journey once, keeps the mix, and accounts for every request', async () => {
    const seen: string[] = []
    const target = await until(
      serve(({ url }, response) => {
        seen.push(url)
        setTimeout(() => response.end('ok'), 2)
      }),
    )
    const loaded = await load({
      url: target.url,
      journeys,
      mix: { home: 3, two: 1 },
      connections: 5,
      shards: 2,
      durationMs: 1500,
    })
    const { endpoints, shards = [], shardProblems, notes, timeline, durationMs } = measurementOf(loaded)
    const count = (beginning: string): number => seen.filter((url) => url.startsWith(beginning)).length
    expect(shardProblems).toEqual([])
    expect(endpoints['home/get']?.requests).toBe(count('/home'))
    expect(countOf(endpoints['home/get']?.histogram ?? [])).toBe(count('/home'))
    expect(endpoints['two/a']?.requests).toBe(count('/a'))
    // Every iteration has its own number: no two processes have played the same.
    expect(new Set(seen.filter((url) => url !== '/b').map((url) => url.split('/')[2])).size).toBe(
      count('/home') + count('/a'),
    )
    expect(count('/home') / count('/a')).toBeCloseTo(3, 0)
    expect(shards.map(({ segment }) => segment)).toEqual(['0:1/2', '1/2:1'])
    for (const { offered, answered, failed } of shards) expect(offered).toBe(answered + failed)
    const sum = (key: 'offered' | 'failed'): number => shards.reduce((total, shard) => total + shard[key], 0)
    const total = Object.values(endpoints).reduce((requests, step) => requests + step.requests, 0)
    // `two/b` answers 200, which is not expected.
    expect([sum('offered'), sum('failed')]).toEqual([total, endpoints['two/b']?.requests])
    // A journey that began in time may send its last step later, uncounted.
    expect(seen.length - total).toBeGreaterThanOrEqual(0)
    expect(seen.length - total).toBeLessThanOrEqual(5)
    expect(timeline.length).toBeGreaterThan(0)
    expect(durationMs).toBeGreaterThanOrEqual(1500)
    expect(notes?.[0]).toMatch(/^2 shards began within \d+ ms: offered \d+ requests = answered/)
    expect(loaded.edges).toEqual(['begin', 'end'])
  })

  test('is invalid when a process is killed, with its name, and the other ends then', async () => {
    const target = await until(serve((_arrived, response) => void setTimeout(() => response.end('ok'), 5)))
    const loaded = await load({
      url: target.url,
      journeys: "[{ name: 'home', steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' }) }] }]",
      connections: 2,
      shards: 2,
      durationMs: 30_000,
      onProgress: ({ phase }, folder) => {
        if (phase !== 'measure') return
        for (const { pid } of processIds(`${folder}/shard-2/`)) process.kill(pid, 'SIGKILL')
      },
    })
    const { shardProblems, shards } = measurementOf(loaded)
    expect(shardProblems).toEqual([
      expect.stringMatching(
        /^shard-2 is missing: the load process was ended by SIGKILL before it had measured/,
      ),
    ])
    expect(shards?.map(({ name }) => name)).toEqual(['shard-1'])
    expect(loaded.tookMs).toBeLessThan(20_000)
  })
})
