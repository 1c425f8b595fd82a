import { describe, expect, test } from 'vitest'
import { countOf } from '../../../record/index.ts'
import { serve } from './testing/service.ts'
import type { Arrived } from './testing/service.ts'
import { countsOf, home, load, measurementOf, stepOf, until } from './testing/workbench.ts'

const step = (name: string, request: string, more = ''): string =>
  `{ name: '${name}', request: (ctx) => (${request})${more} }`

describe('what is counted', () => {
  test('is every request the target saw, with its order, its second and its edges', async () => {
    let seen = 0
    const target = await until(serve((_arrived, response) => void ((seen += 1), response.end('ok'))))
    const loaded = await load({ url: target.url, journeys: home, connections: 3, durationMs: 1200 })
    const { timeline, failures, droppedArrivals, interrupted, generator } = measurementOf(loaded)
    expect(seen).toBeGreaterThan(100)
    expect(countsOf(loaded)).toEqual({ requests: seen, errors: 0 })
    expect(countOf(stepOf(loaded).histogram)).toBe(seen)
    expect(timeline.reduce((sum, point) => sum + point.requests, 0)).toBe(seen)
    expect(timeline.map(({ atMs }) => atMs).slice(0, 2)).toEqual([0, 1000])
    expect({ failures, droppedArrivals, interrupted }).toEqual({
      failures: [],
      droppedArrivals: 0,
      interrupted: false,
    })
    expect(generator.cpuRatio).toBeGreaterThan(0)
    expect(loaded.edges).toEqual(['begin', 'end'])
    expect(loaded.progress.map(({ phase }) => phase)).toEqual(
      expect.arrayContaining(['prepare', 'measure', 'finish']),
    )
    expect(loaded.left).toEqual([])
  })

  test('is nothing of the warm-up, though its connections go on', async () => {
    const connections = new Set<unknown>()
    const iterations: number[] = []
    const target = await until(
      serve(({ url }, response) => {
        connections.add(response.socket?.remotePort)
        iterations.push(Number(url.slice(1)))
        response.end()
      }),
    )
    const loaded = await load({
      url: target.url,
      journeys: `[{ name: 'home', steps: [${step('get', "{ method: 'GET', path: '/' + ctx.iteration }")}] }]`,
      warmupMs: 400,
    })
    expect(countsOf(loaded).requests).toBeGreaterThan(0)
    expect(countsOf(loaded).requests).toBeLessThan(iterations.length)
    expect(connections.size).toBe(2)
    // No iteration twice, so no `unique` either.
    expect(iterations.toSorted((a, b) => a - b)).toEqual(iterations.map((_, index) => index))
    expect(loaded.progress.map(({ phase }) => phase)).toContain('warmup')
  })

  test('is the time from sending to the whole answer, which fills the connections', async () => {
    const delayMs = 30
    const target = await until(
      serve((_arrived, response) => void setTimeout(() => response.end('ok'), delayMs)),
    )
    const loaded = await load({ url: target.url, journeys: home, connections: 4, durationMs: 1000 })
    const { durationMs } = measurementOf(loaded)
    const { histogram, latencySumMs } = stepOf(loaded)
    // Timers of Node fire up to a millisecond early.
    expect(histogram[0]?.[0]).toBeGreaterThanOrEqual(delayMs - 1)
    // Little's law: latencies fill the time of the connections, whatever this machine makes of the delay.
    expect(latencySumMs / durationMs / 4).toBeGreaterThan(0.85)
    expect(latencySumMs / durationMs / 4).toBeLessThan(1.01)
  })

  test('is every error, by what it was, and one in fifty is two percent', async () => {
    let wrong = 0
    const target = await until(
      serve((_arrived, response, index) => {
        response.statusCode = index % 50 === 7 ? 500 : 200
        if (response.statusCode === 500) wrong += 1
        response.end('ok')
      }),
    )
    const loaded = await load({ url: target.url, journeys: home })
    expect(countsOf(loaded).errors).toBe(wrong)
    expect(measurementOf(loaded).failures).toMatchObject([
      { step: 'home/get', class: 'status', count: wrong, example: 'status 500, expected 2xx' },
    ])
    expect(measurementOf(loaded).failures[0]?.firstAtMs).toBeLessThan(400)
  })

  test('is a redirect, which is not followed', async () => {
    const paths = new Set<string>()
    const target = await until(
      serve(({ url }, response) => {
        paths.add(url)
        response.writeHead(302, { location: '/login' }).end()
      }),
    )
    const loaded = await load({ url: target.url, journeys: home, durationMs: 200 })
    expect(measurementOf(loaded).failures).toMatchObject([{ class: 'redirect' }])
    expect([...paths]).toEqual(['/'])
  })
})

describe('journeys', () => {
  const create = step(
    'create',
    "{ method: 'POST', path: '/tasks?of=' + ctx.user, headers: { 'X-Mine': 'yes' }, " +
      "json: { title: 'Größe ' + ctx.unique } }",
    ', save: (response) => ({ id: response.json.id })',
  )
  const read = step(
    'read',
    "{ method: 'GET', path: '/tasks/' + ctx.id }",
    ", check: (response, ctx) => (response.text === 'task ' + ctx.id && " +
      "response.headers['x-kind'] === 'task' ? undefined : 'not my task')",
  )
  const remove = step('remove', "{ method: 'DELETE', path: '/tasks/' + ctx.id }")
  const task = `[{ name: 'task', steps: [${create}, ${read}, ${remove}] }]`

  test('are played step by step with what was saved, and none is left half done', async () => {
    const seen: Arrived[] = []
    const target = await until(
      serve((arrived, response) => {
        seen.push(arrived)
        response.setHeader('x-kind', 'task').appendHeader('set-cookie', 'session=1')
        response.end(
          arrived.method === 'POST'
            ? JSON.stringify({ id: seen.length })
            : `task ${arrived.url.split('/').at(-1)}`,
        )
      }),
    )
    const loaded = await load({ url: `${target.url}/api/`, journeys: task, mix: { task: 1 }, connections: 1 })
    expect(seen.length % 3).toBe(0)
    expect(measurementOf(loaded).failures).toEqual([])
    for (let index = 0; index < seen.length; index += 3) {
      const unique = `run-0-${index / 3}`
      expect(seen.slice(index, index + 3).map(({ method, url, body }) => ({ method, url, body }))).toEqual([
        { method: 'POST', url: '/api/tasks?of=0', body: JSON.stringify({ title: `Größe ${unique}` }) },
        { method: 'GET', url: `/api/tasks/${index + 1}`, body: '' },
        { method: 'DELETE', url: `/api/tasks/${index + 1}`, body: '' },
      ])
    }
    expect(seen[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'x-mine': 'yes',
      connection: 'keep-alive',
    })
    expect(seen.filter(({ headers }) => headers.cookie !== undefined)).toEqual([])
  })

  test('end at the step that fails, and the next begins', async () => {
    const seen: string[] = []
    const target = await until(
      serve(({ method, url }, response) => {
        seen.push(method)
        response.end(method === 'POST' ? '{"id":7}' : `not ${url}`)
      }),
    )
    const loaded = await load({
      url: target.url,
      journeys: task,
      mix: { task: 1 },
      connections: 1,
      durationMs: 200,
    })
    expect(new Set(seen)).toEqual(new Set(['POST', 'GET']))
    expect(measurementOf(loaded).failures).toMatchObject([
      { step: 'task/read', class: 'check', example: 'not my task' },
    ])
    expect(countsOf(loaded, 'task/remove').requests).toBe(0)
  })

  test('are mixed by their weights over all connections', async () => {
    const seen = { '/a': 0, '/b': 0 }
    const target = await until(
      serve(({ url }, response) => {
        if (url === '/a' || url === '/b') seen[url] += 1
        response.end()
      }),
    )
    const journeys =
      `['a', 'b'].map((name) => ({ name, steps: [{ name: 'get', request: () => ({ method: 'GET', path: ` +
      `'/' + name }) }] }))`
    await load({ url: target.url, journeys, mix: { a: 3, b: 1 }, connections: 3 })
    expect(Math.abs(seen['/a'] - 3 * seen['/b'])).toBeLessThanOrEqual(3)
  })

  test('of several users use what their before steps saved and end with their after steps', async () => {
    const seen: string[] = []
    const target = await until(
      serve(({ method, url, headers }, response) => {
        seen.push(`${method} ${url} ${headers.authorization ?? ''}`)
        response.end(JSON.stringify({ token: `token-of-${url.slice(1)}` }))
      }),
    )
    const bearer = 'headers: { authorization: ctx.token }'
    const saveToken = ', save: (response) => ({ token: response.json.token })'
    const login = step('login', "{ method: 'POST', path: '/' + ctx.user }", saveToken)
    const get = step('get', `{ method: 'GET', path: '/' + ctx.user, ${bearer} }`)
    const leave = step('leave', `{ method: 'DELETE', path: '/' + ctx.user, ${bearer} }`)
    const journeys = `[{ name: 'mine', before: [${login}], steps: [${get}], after: [${leave}] }]`
    const loaded = await load({ url: target.url, journeys, mix: { mine: 1 }, durationMs: 200 })
    expect(seen.slice(0, 2).toSorted()).toEqual(['POST /0 ', 'POST /1 '])
    expect(seen.slice(-2).toSorted()).toEqual(['DELETE /0 token-of-0', 'DELETE /1 token-of-1'])
    expect(new Set(seen.slice(2, -2))).toEqual(new Set(['GET /0 token-of-0', 'GET /1 token-of-1']))
    expect(Object.keys(measurementOf(loaded).endpoints)).toEqual(['mine/get'])
    expect(countsOf(loaded, 'mine/get').requests).toBe(seen.length - 4)
    expect(loaded.left).toEqual([])
  })

  test('whose before step is refused make no load', async () => {
    const target = await until(serve((_arrived, response) => response.writeHead(401).end()))
    const journeys =
      `[{ name: 'mine', before: [${step('login', "{ method: 'POST', path: '/' }")}], steps: ` +
      `[${step('get', "{ method: 'GET', path: '/' }")}] }]`
    const { result, edges } = await load({ url: target.url, journeys, mix: { mine: 1 } })
    expect(result).toMatchObject({ state: 'failed', step: 'mine/login', class: 'status' })
    expect(edges).toEqual([])
  })
})

test.each([
  ['keeps connections', 'keep-alive', 3],
  ['closes each connection', 'close', Number.POSITIVE_INFINITY],
])('a target that %s: new connections are counted, with their time', async (_, connection, most) => {
  const target = await until(
    serve((_arrived, response) => response.setHeader('connection', connection).end('ok')),
  )
  const loaded = await load({ url: target.url, journeys: home, connections: 3 })
  const { connections } = measurementOf(loaded)
  const opened = countOf(connections?.histogram ?? [])
  expect(opened).toBe(Math.min(most, countsOf(loaded).requests))
  expect(connections?.timeSumMs).toBeGreaterThan(0)
  expect(connections?.timeSumMs).toBeLessThan(stepOf(loaded).latencySumMs)
})

test('a name with several addresses: all load goes to the one that accepts, with a note', async () => {
  let seen = 0
  const target = await until(serve((_arrived, response) => void ((seen += 1), response.end('ok'))))
  const loaded = await load({
    url: target.url.replace('127.0.0.1', 'several.invalid'),
    journeys: home,
    lookUp: async () => ['::1', '127.0.0.1'],
  })
  expect(countsOf(loaded)).toEqual({ requests: seen, errors: 0 })
  expect(measurementOf(loaded).notes).toEqual([
    'several.invalid has 2 addresses: all load went to 127.0.0.1, none to ::1',
  ])
})
