import { describe, expect, test } from 'vitest'
import { countOf } from '../../../record/index.ts'
import { serve } from './testing/service.ts'
import { countsOf, home, load, measurementOf, processIds, stepOf, until } from './testing/workbench.ts'
import { startRunningClock } from '../../../runtime/testing/running-clock.ts'
import type { RunningClock } from '../../../runtime/testing/running-clock.ts'

describe('a target', () => {
  test('killed during the load gives errors with class and first second, at a limited rate', async () => {
    let answered = 0
    const target = await until(
      serve((_arrived, response, index) => {
        answered += 1
        response.end('ok')
        if (index === 50) void target.close()
      }),
    )
    const durationMs = 1500
    const loaded = await load({ url: target.url, journeys: home, connections: 2, durationMs })
    const { failures, timeline } = measurementOf(loaded)
    const { requests, errors } = countsOf(loaded)
    const count = countOf(stepOf(loaded).histogram)
    expect(failures.map((failure) => failure.class)).toEqual(['connect'])
    expect(requests).toBe(count + errors)
    // The last answers may have been cut off on their way.
    expect(answered - count).toBeLessThanOrEqual(2)
    expect(timeline.findIndex((point) => point.errors > 0)).toBe(
      Math.floor((failures[0]?.firstAtMs ?? 0) / 1000),
    )
    // Two connections that rest 20 ms after each error.
    expect(errors).toBeGreaterThan(4)
    expect(errors).toBeLessThanOrEqual(2 * (durationMs / 19) + 4)
  })

  test('that never answers fails by timeout, and what is still open at the end is waited for', async () => {
    let seen = 0
    const target = await until(serve(() => void (seen += 1)))
    const loaded = await load({
      url: target.url,
      journeys: home,
      connections: 2,
      durationMs: 500,
      requestTimeoutMs: 400,
    })
    const { failures, durationMs } = measurementOf(loaded)
    expect(failures).toMatchObject([
      { class: 'timeout', count: seen, example: 'no complete answer within 400 ms' },
    ])
    expect(stepOf(loaded).histogram).toEqual([])
    // The time in which they were made: each connection waited 400 ms for each of its own.
    expect(durationMs).toBeGreaterThan((seen / 2) * 400 - 10)
  })

  test('that hung all through the measured time is not an empty run', async () => {
    const target = await until(serve(() => undefined))
    const loaded = await load({
      url: target.url,
      journeys: home,
      connections: 2,
      warmupMs: 100,
      durationMs: 200,
      requestTimeoutMs: 1000,
    })
    expect(countsOf(loaded)).toEqual({ requests: 2, errors: 2 })
  })

  test('that closes each connection after its answer costs no error and no request', async () => {
    let answered = 0
    const target = await until(
      serve((_arrived, response) => {
        answered += 1
        response.setHeader('connection', 'close').end('ok')
      }),
    )
    const loaded = await load({ url: target.url, journeys: home })
    // More than the two connections: some were closed and opened again, however slow the machine is.
    expect(answered).toBeGreaterThan(2)
    expect(countsOf(loaded)).toEqual({ requests: answered, errors: 0 })
  })

  test('that resets every tenth connection is counted for just those', async () => {
    let reset = 0
    const target = await until(
      serve((_arrived, response, index) => {
        if (index % 10 !== 0) return void response.end('ok')
        reset += 1
        response.socket?.resetAndDestroy()
      }),
    )
    // A GET would be sent again.
    const loaded = await load({ url: target.url, journeys: home.replace('GET', 'POST') })
    expect(countsOf(loaded).errors).toBe(reset)
    expect(measurementOf(loaded).failures.map((failure) => failure.class)).toEqual(['connect'])
  })
})

describe('an interrupt', () => {
  const endless = { journeys: home, durationMs: 600_000 }

  test('while it measures keeps what there is, marked', async () => {
    const target = await until(serve((_arrived, response) => response.end('ok')))
    const stop = new AbortController()
    let sinceStop: RunningClock | undefined
    const loaded = await load({
      ...endless,
      url: target.url,
      signal: stop.signal,
      onProgress: ({ phase, requestsPerSecond }) => {
        if (phase !== 'measure' || requestsPerSecond === 0 || stop.signal.aborted) return
        sinceStop = startRunningClock()
        stop.abort()
      },
    })
    expect(sinceStop?.elapsedMs()).toBeLessThan(8000)
    expect(measurementOf(loaded).interrupted).toBe(true)
    expect(measurementOf(loaded).durationMs).toBeGreaterThan(500)
    expect(countsOf(loaded).requests).toBeGreaterThan(0)
    expect([loaded.edges, loaded.left]).toEqual([['begin', 'end'], []])
  })

  test('while it warms up measures nothing, and the users are released all the same', async () => {
    const seen: string[] = []
    const target = await until(
      serve(({ method }, response) => {
        seen.push(method)
        response.end()
      }),
    )
    const stop = new AbortController()
    const steps = "steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' }) }]"
    const phase = (name: string, method: string): string =>
      `${name}: [{ name: '${name}', request: () => ({ method: '${method}', path: '/' }) }]`
    const loaded = await load({
      ...endless,
      url: target.url,
      warmupMs: 600_000,
      journeys: `[{ name: 'home', ${phase('before', 'POST')}, ${steps}, ${phase('after', 'DELETE')} }]`,
      signal: stop.signal,
      onProgress: ({ phase, requestsPerSecond }) =>
        void (phase === 'warmup' && requestsPerSecond > 0 && stop.abort()),
    })
    expect(loaded.result).toMatchObject({
      state: 'unavailable',
      reason: 'interrupted before the measurement began',
    })
    expect(seen.slice(-2)).toEqual(['DELETE', 'DELETE'])
    expect([loaded.edges, loaded.left]).toEqual([[], []])
  })
})

describe('a load process', () => {
  test('that is killed has measured nothing, and its edges are closed', async () => {
    const target = await until(serve((_arrived, response) => response.end('ok')))
    const kill = (folder: string): void => {
      for (const { pid } of processIds(folder)) process.kill(pid, 'SIGKILL')
    }
    const { result, edges, left } = await load({
      url: target.url,
      journeys: home,
      durationMs: 600_000,
      onProgress: ({ phase }, folder) => void (phase === 'measure' && kill(folder)),
    })
    expect(result).toEqual({
      state: 'unavailable',
      reason: 'the load process was ended by SIGKILL before it had measured',
    })
    expect([edges, left]).toEqual([['begin', 'end'], []])
  })

  test('that a journey crashes later reports its last error line', async () => {
    const target = await until(serve((_arrived, response) => response.end('ok')))
    const journeys =
      `[{ name: 'home', steps: [{ name: 'get', request: () => { setTimeout(() => { throw new ` +
      `Error('boom') }); return { method: 'GET', path: '/' } } }] }]`
    const { result, left } = await load({ url: target.url, journeys, durationMs: 5000 })
    expect(result).toEqual({
      state: 'unavailable',
      reason: 'the load process ended with code 1 before it had measured: Error: boom',
    })
    expect(left).toEqual([])
  })

  test('is not kept by what a journeys module leaves running, nor misled by what it prints', async () => {
    const target = await until(serve((_arrived, response) => response.end('ok')))
    const journeys = `(setInterval(() => console.log('{"say":"done"}'), 5), ${home})`
    const loaded = await load({
      url: target.url,
      journeys: `process.argv[1]?.endsWith('process.ts') ? ${journeys} : ${home}`,
      durationMs: 300,
    })
    expect(countsOf(loaded).requests).toBeGreaterThan(0)
    expect(loaded.left).toEqual([])
  })

  test('without file descriptors was the limit, which is said', async () => {
    const target = await until(serve((_arrived, response) => response.end('ok')))
    const loaded = await load({
      url: target.url,
      journeys: home,
      connections: 100,
      launch: { wrapper: ['/bin/sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'] },
    })
    expect(measurementOf(loaded).saturation[0]).toEqual(
      expect.stringMatching(
        /^the load generator could not make \d+ requests \(EMFILE\): no file descriptor was left/,
      ),
    )
  })
})

describe('the plan is wrong', () => {
  test.each([
    [
      'a request that throws',
      "[{ name: 'home', steps: [{ name: 'get', request: () => { throw new Error('no such task') } }] }]",
      'home/get: request threw: no such task',
    ],
    ['a module that throws', '(() => { throw new Error("not today") })()', 'not today'],
    [
      'a journey that is not there',
      "[{ name: 'other', steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' }) }] }]",
      'no journey is called home',
    ],
  ])("%s is the user's to mend, with the file named", async (_, journeys, said) => {
    const target = await until(serve((_arrived, response) => response.end('ok')))
    const { result, left } = await load({ url: target.url, journeys })
    expect(result.state).toBe('usage-error')
    expect(result.state === 'usage-error' && result.reason).toMatch(/journeys-\d+\.mjs(:\d+)?: /)
    expect(result.state === 'usage-error' && result.reason).toContain(said)
    expect(left).toEqual([])
  })

  test('a value that would break the request is a failed check, and not sent', async () => {
    let seen = 0
    const target = await until(serve((_arrived, response) => void ((seen += 1), response.end('ok'))))
    const journeys =
      "[{ name: 'home', steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/', headers: " +
      "{ 'x-a': 'b\\r\\nevil: 1' } }) }] }]"
    const loaded = await load({ url: target.url, journeys, durationMs: 200 })
    expect(measurementOf(loaded).failures).toMatchObject([
      { class: 'check', example: 'header x-a contains characters that HTTP does not allow' },
    ])
    expect(seen).toBe(0)
  })
})
