import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { countOf, latencyOf, mergeHistograms } from '../../../record/index.ts'
import { home, measured, runEngine } from './testing/run.ts'
import { startTarget } from './testing/target.ts'

/**
 * A journey of a user who logs in before and out after, with a step that uses a saved value, and two simple
 * journeys.
 */
const shop = `
interface Saved { token?: string }
const auth = (ctx) => ({ authorization: 'Bearer ' + (ctx as Saved).token })
export default [
  {
    name: 'shop',
    before: [{
      name: 'login',
      request: (ctx) => ({ method: 'POST', path: '/login', json: { user: ctx.user } }),
      save: ({ json }) => ({ token: (json as Saved).token }),
    }],
    steps: [
      {
        name: 'make',
        request: (ctx) => ({ method: 'POST', path: '/items/' + ctx.unique, headers: auth(ctx) }),
        save: ({ json }) => ({ id: json.id }),
      },
      { name: 'read', request: (ctx) => ({ method: 'GET', path: '/items/' + ctx.id, headers: auth(ctx) }) },
    ],
    after: [{ name: 'logout', request: (ctx) => ({ method: 'POST', path: '/logout', headers: auth(ctx) }) }],
  },
  { name: 'look', steps: [{ name: 'page', request: () => ({ method: 'GET', path: '/page' }) }] },
  { name: 'never', steps: [{ name: 'asked', request: () => ({ method: 'GET', path: '/never' }) }] },
]`

describe('a run of journeys', () => {
  it('counts what the target received, step by step, with users logged in and out', async (context) => {
    const target = await startTarget(context, (request, response, index) => {
      const token = request.headers.authorization
      const allowed = token?.startsWith('Bearer t') || request.url === '/login' || request.url === '/page'
      response.statusCode = allowed ? 200 : 401
      response.end(JSON.stringify({ token: `t${index}`, id: index }))
    })
    const run = await runEngine(context, {
      url: target.url,
      source: shop,
      mix: { shop: 3, look: 1 },
      plan: { durationMs: 2000 },
    })
    const measurement = measured(run)
    const count = (beginning: string): number =>
      target.seen.filter((line) => line.startsWith(beginning)).length
    expect(Object.keys(measurement.endpoints)).toEqual(['shop/make', 'shop/read', 'look/page'])
    const requests = Object.fromEntries(
      Object.entries(measurement.endpoints).map(([step, counts]) => [step, counts.requests]),
    )
    expect(requests).toEqual({
      'shop/make': count('POST /items/'),
      'shop/read': count('GET /items/'),
      'look/page': count('GET /page'),
    })
    expect(count('POST /items/')).toBeGreaterThan(0)
    expect(new Set(target.seen.filter((line) => line.startsWith('POST /items/'))).size).toBe(
      count('POST /items/'),
    )
    expect(count('POST /items/') / count('GET /page')).toBeCloseTo(3, 0)
    for (const counts of Object.values(measurement.endpoints))
      expect([countOf(counts.histogram), counts.errors]).toEqual([counts.requests, 0])
    expect(measurement).toMatchObject({ failures: [], interrupted: false, durationMs: 2000 })
    expect([count('POST /login'), count('POST /login')]).toEqual([count('POST /logout'), 10])
    expect(run.edges).toEqual(['begin', 'end'])
    expect(new Set(run.progress.map(({ phase }) => phase))).toEqual(new Set(['prepare', 'measure', 'finish']))
  })

  it('excludes the warm-up, measures latencies and has a timeline', async (context) => {
    const serviceMs = 60
    const target = await startTarget(context, (_request, response) =>
      setTimeout(() => response.end('ok'), serviceMs),
    )
    const run = await runEngine(context, {
      url: target.url,
      source: home,
      plan: { load: { model: 'arrival-rate', ratePerSecond: 40 }, warmupMs: 1000, durationMs: 3000 },
    })
    const measurement = measured(run)
    const { requests, histogram, latencySumMs } = measurement.endpoints['home/get'] ?? {
      requests: 0,
      histogram: [],
      latencySumMs: 0,
    }
    // All other requests that the target received are of the warm-up, at the same rate.
    expect(target.seen.length - requests).toBeGreaterThan(0.5 * 40)
    expect(requests / (3 * 40)).toBeGreaterThan(0.7)
    expect(requests / (3 * 40)).toBeLessThan(1.3)
    expect(latencyOf(histogram, latencySumMs).p50Ms).toBeGreaterThanOrEqual(serviceMs - 2)
    expect(latencyOf(histogram, latencySumMs).meanMs).toBeGreaterThanOrEqual(serviceMs - 2)
    expect(measurement.timeline.length).toBeGreaterThanOrEqual(2)
    const inTimeline = measurement.timeline.reduce((sum, point) => sum + point.requests, 0)
    expect(inTimeline / requests).toBeGreaterThan(0.5)
    expect(inTimeline / requests).toBeLessThan(1.5)
    expect(measurement.timeline.some(({ p95Ms }) => (p95Ms ?? 0) >= serviceMs - 2)).toBe(true)
    expect(measurement.generator).toMatchObject({
      cpuRatio: expect.any(Number),
      offeredRps: expect.any(Number),
      latenessP95Ms: expect.any(Number),
    })
    expect(run.progress.map(({ phase }) => phase)).toEqual(
      expect.arrayContaining(['prepare', 'warmup', 'measure', 'finish']),
    )
  })

  it('counts errors by class with the first of each, without control characters', async (context) => {
    const target = await startTarget(context, (request, response, index) => {
      if (request.url?.startsWith('/say')) response.end(`\u001B[2J<b>${'x'.repeat(100_000)}`)
      else if (index % 50 === 7) response.writeHead(500).end()
      else if (index % 50 === 8) response.writeHead(302, { location: 'http://127.0.0.1:1/login' }).end()
      else response.end('ok')
    })
    const source = `${home.slice(0, -1)}, { name: 'say', steps: [{
      name: 'it',
      request: () => ({ method: 'GET', path: '/say' }),
      check: ({ text }) => 'said ' + text,
    }] }]`
    const measurement = measured(
      await runEngine(context, {
        url: target.url,
        source,
        mix: { home: 9, say: 1 },
        plan: { load: { model: 'arrival-rate', ratePerSecond: 200 } },
      }),
    )
    const failed = target.seen.filter(
      (line, index) => !line.includes('/say') && (index + 1) % 50 === 7,
    ).length
    const redirected = target.seen.filter(
      (line, index) => !line.includes('/say') && (index + 1) % 50 === 8,
    ).length
    const said = target.seen.filter((line) => line.includes('/say')).length
    expect(measurement.failures.map(({ step, class: failure, count }) => [step, failure, count])).toEqual(
      expect.arrayContaining([
        ...(failed > 0 ? [['home/get', 'status', failed]] : []),
        ...(redirected > 0 ? [['home/get', 'redirect', redirected]] : []),
        ['say/it', 'check', said],
      ]),
    )
    expect(measurement.endpoints['home/get']?.errors).toBe(failed + redirected)
    const example = measurement.failures.find(({ class: failure }) => failure === 'check')?.example ?? ''
    expect(example).toMatch(/^said \[2J<b>x+…?$/)
    expect(example.length).toBeLessThanOrEqual(200)
    const latencies = mergeHistograms(Object.values(measurement.endpoints).map(({ histogram }) => histogram))
    expect(countOf(latencies)).toBe(target.seen.length)
  })
})

describe('a run that cannot start', () => {
  it('is refused when the target fails a before step, and prepared users are released', async (context) => {
    const target = await startTarget(context, (request, response) =>
      response.writeHead(request.url === '/login' ? 503 : 200).end('{}'),
    )
    const { result, edges } = await runEngine(context, { url: target.url, source: shop, mix: { shop: 1 } })
    expect(result).toEqual({
      state: 'failed',
      step: 'shop/login',
      class: 'status',
      message: 'status 503, expected 2xx',
    })
    expect(edges).toEqual([])
    expect(target.seen).toContain('POST /logout')
  })

  it.for<[string, string, Record<string, number>, RegExp]>([
    ['of an unknown journey', home, { gone: 1 }, /journeys\.ts: has no journey gone, expected one of home/],
    [
      'of no journeys',
      'export default {}',
      { home: 1 },
      /journeys\.ts: default export: expected an array of journeys, got object/,
    ],
    [
      'of journeys that need Node',
      `import 'node:fs'\n${home}`,
      { home: 1 },
      /journeys\.ts: k6 cannot load it.*node:fs/,
    ],
    [
      'of a request that throws',
      home.replace("'/' +", 'undefined.x +'),
      { home: 1 },
      /journeys\.ts: home\/get: request threw: .+/,
    ],
    [
      'of a request without a path',
      home.replace("path: '/' + ctx.unique", 'path: undefined'),
      { home: 1 },
      /journeys\.ts: home\/get: request threw: .+/,
    ],
    ['without a positive weight', home, { home: 0 }, /no journey has a weight above 0/],
  ])('is a usage error when it is %s', async ([, source, mix, expected], context) => {
    const { result } = await runEngine(context, { url: 'http://127.0.0.1:1', source, mix })
    expect(result).toMatchObject({ state: 'usage-error', reason: expect.stringMatching(expected) })
  })
})

it.each([
  ['keeps connections', 'keep-alive', 0.5],
  ['closes each connection', 'close', 1],
])('a target that %s: new connections are counted', async (_, connection, share) => {
  const target = await startTarget({ onTestFinished }, (_request, response) =>
    response.setHeader('connection', connection).end('ok'),
  )
  const run = await runEngine({ onTestFinished }, { url: target.url, source: home })
  const { connections, endpoints } = measured(run)
  const opened = countOf(connections?.histogram ?? [])
  const { requests = 0, latencySumMs = 0 } = endpoints['home/get'] ?? {}
  expect(opened).toBeGreaterThan(0)
  if (share === 1) expect(opened).toBe(requests)
  else expect(opened).toBeLessThanOrEqual(requests * share)
  expect(connections?.timeSumMs).toBeGreaterThan(0)
  expect(connections?.timeSumMs).toBeLessThan(latencySumMs)
})

describe('a name with several addresses', () => {
  it.each([
    ['::1', '127.0.0.1'],
    ['127.0.0.1', '::1'],
    ['127.0.0.1', '127.0.0.2'],
  ])('all load goes to %s, which accepts, with a note', async (host, other) => {
    const server = createServer((_request, response) => response.end('ok'))
    await new Promise<void>((resolve) => server.listen(0, host, resolve))
    onTestFinished(() => void server.close())
    const run = await runEngine(
      { onTestFinished },
      {
        url: `http://several.invalid:${(server.address() as AddressInfo).port}`,
        source: home,
        lookUp: async () => [other, host],
      },
    )
    expect(measured(run)).toMatchObject({
      endpoints: { 'home/get': { errors: 0 } },
      notes: [`several.invalid has 2 addresses: all load went to ${host}, none to ${other}`],
    })
  })
})
