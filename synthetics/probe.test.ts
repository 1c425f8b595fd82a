import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Journey, Step } from '../journeys/index.ts'
import { runProbes } from './probes.ts'
import type { ProbesPlan } from './probes.ts'
import type { ProbeResult } from '../record/index.ts'

const endings: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0)) await end()
})

async function target(
  answer: (request: IncomingMessage, response: ServerResponse, index: number) => void,
): Promise<{ url: string; paths: string[] }> {
  const paths: string[] = []
  const server = createServer((request, response) => {
    request.resume()
    paths.push(request.url ?? '')
    answer(request, response, paths.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endings.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, paths }
}

const get = (name: string, more: Partial<Step> = {}): Step => ({
  name,
  request: () => ({ method: 'GET', path: `/${name}` }),
  ...more,
})
const home: Journey = { name: 'home', steps: [get('one'), get('two')] }

async function probe(
  targetUrl: string,
  journey: Journey,
  options: { timeoutMs?: number; attempts?: number; degradedMs?: number } = {},
  signal = new AbortController().signal,
): Promise<ProbeResult> {
  const plan: ProbesPlan = {
    targetUrl,
    journeys: [journey],
    probes: { it: { journey: journey.name, ...options } },
    run: 'test',
    signal,
    now: () => 0,
  }
  const { probes } = await runProbes(plan)
  const [result] = probes
  if (!result) throw new Error('no result')
  return result
}

describe('a probe is', () => {
  it('up when every step is as expected, at the first attempt', async () => {
    const { url } = await target((_request, response) => response.end('ok'))
    const result = await probe(url, home)
    expect(result).toMatchObject({
      name: 'it',
      outcome: 'up',
      attempts: 1,
      startedAt: '1970-01-01T00:00:00.000Z',
      steps: [
        { step: 'one', ok: true, status: 200 },
        { step: 'two', ok: true, status: 200 },
      ],
    })
    expect(result.durationMs).toBeCloseTo(
      result.steps.reduce((sum, step) => sum + step.durationMs, 0),
      6,
    )
    expect(result).not.toHaveProperty('message')
  })

  it('degraded when it is slow, and says by how much', async () => {
    const { url } = await target((_request, response) => setTimeout(() => response.end('ok'), 60))
    const result = await probe(url, home, { degradedMs: 100 })
    expect(result.outcome).toBe('degraded')
    expect(result.message).toMatch(/^took \d+ ms, expected less than 100 ms$/)
  })

  it('degraded when it passed only at its second attempt, with the first failure', async () => {
    const { url } = await target((_request, response, index) =>
      response.writeHead(index === 2 ? 503 : 200).end('ok'),
    )
    expect(await probe(url, home)).toMatchObject({
      outcome: 'degraded',
      attempts: 2,
      message: expect.stringMatching(
        /^passed only at attempt 2; before: two failed \(status\): status 503, expected 2xx \(trace [0-9a-f]{32}\)$/,
      ),
      earlier: [
        { step: 'two', class: 'status', message: expect.stringMatching(/^status 503, expected 2xx/) },
      ],
    })
  })

  it('degraded when it could not clean up', async () => {
    const { url } = await target((request, response) =>
      response.writeHead(request.url === '/remove' ? 500 : 200).end('ok'),
    )
    expect(await probe(url, { ...home, after: [get('remove')] })).toMatchObject({
      outcome: 'degraded',
      message: expect.stringMatching(
        /^could not clean up: remove failed \(status\): status 500, expected 2xx \(trace/,
      ),
    })
  })

  it('down when it failed at every attempt, with step, class, found and expected', async () => {
    const { url, paths } = await target((_request, response) => response.writeHead(500).end('sorry'))
    const result = await probe(url, home, { attempts: 3 })
    expect(result).toMatchObject({
      outcome: 'down',
      attempts: 3,
      message: expect.stringMatching(/^one failed \(status\): status 500, expected 2xx \(trace/),
      steps: [{ step: 'one', ok: false, status: 500, class: 'status' }],
    })
    expect(paths).toEqual(['/one', '/one', '/one'])
  })

  it('down when a before step failed, which is named', async () => {
    const { url, paths } = await target((request, response) =>
      response.writeHead(request.url === '/login' ? 401 : 200).end('ok'),
    )
    const result = await probe(
      url,
      { ...home, before: [get('login')], after: [get('logout')] },
      { attempts: 1 },
    )
    expect(result).toMatchObject({
      outcome: 'down',
      message: expect.stringMatching(/^login failed \(status\): status 401, expected 2xx \(trace/),
      steps: [{ step: 'login', ok: false }],
    })
    expect(paths).toEqual(['/login', '/logout'])
  })

  it('down, not up, when it is redirected', async () => {
    const { url } = await target((_request, response) =>
      response.writeHead(302, { location: '/login' }).end(),
    )
    expect(await probe(url, home)).toMatchObject({
      outcome: 'down',
      steps: [{ class: 'redirect', status: 302 }],
    })
  })

  it('down when the time for all of its steps is over', async () => {
    const { url } = await target(() => undefined)
    const result = await probe(url, home, { timeoutMs: 200, attempts: 1 })
    expect(result).toMatchObject({ outcome: 'down', steps: [{ step: 'one', class: 'timeout', status: 0 }] })
  })

  it('down when nothing listens', async () => {
    const { url } = await target(() => undefined)
    await endings.pop()?.()
    expect(await probe(url, home)).toMatchObject({
      outcome: 'down',
      attempts: 2,
      message: 'one failed (connect): connection refused (ECONNREFUSED)',
    })
  })

  it('unknown when it was interrupted, and cleans up all the same', async () => {
    const interruption = new AbortController()
    const { url, paths } = await target((request, response) => {
      if (request.url === '/two') interruption.abort()
      else response.end('ok')
    })
    expect(await probe(url, { ...home, after: [get('remove')] }, {}, interruption.signal)).toMatchObject({
      outcome: 'unknown',
      message: 'interrupted before it was done',
    })
    expect(paths).toEqual(['/one', '/two', '/remove'])
  })

  it('unknown when it was not run at all', async () => {
    expect(await probe('http://127.0.0.1:9', home, {}, AbortSignal.abort())).toMatchObject({
      outcome: 'unknown',
      attempts: 0,
    })
  })
})

describe('a prober that stalls', () => {
  // The server shares our event loop, so that its standing still is ours too.
  const standStill = (ms: number): void => {
    const until = performance.now() + ms
    while (performance.now() < until);
  }

  it('takes the sample again, and does not count it as an attempt', async () => {
    const { url } = await target((_request, response, index) => {
      if (index === 1) standStill(500)
      response.end('ok')
    })
    expect(await probe(url, home, { degradedMs: 400 })).toMatchObject({ outcome: 'up', attempts: 1 })
  })

  it('is unknown, not slow, if it stalls in every attempt', async () => {
    const { url } = await target((_request, response) => {
      standStill(300)
      response.end('ok')
    })
    const { outcome, message } = await probe(url, home, { degradedMs: 400 })
    expect([outcome, message]).toEqual(['unknown', expect.stringMatching(/^this prober stalled for \d+ ms/)])
  })
})

describe('cleaning up', () => {
  it('sees what the steps saved, also after a step failed', async () => {
    const { url, paths } = await target((request, response) =>
      response.writeHead(request.url === '/two' ? 500 : 200).end('{"id":7}'),
    )
    const saving = get('one', { save: (response) => ({ id: Object(response.json).id }) })
    const remove: Step = {
      name: 'remove',
      request: (ctx) => ({ method: 'DELETE', path: `/things/${String(ctx['id'])}` }),
    }
    await probe(url, { name: 'home', steps: [saving, get('two')], after: [remove] }, { attempts: 1 })
    expect(paths).toEqual(['/one', '/two', '/things/7'])
  })
})

it('no two attempts of any probe make the same unique value', async () => {
  const { url, paths } = await target((_request, response) => response.writeHead(500).end())
  const unique: Journey = {
    name: 'unique',
    steps: [{ name: 'make', request: (ctx) => ({ method: 'GET', path: `/${ctx.unique}` }) }],
  }
  const probes = { a: { journey: 'unique' }, b: { journey: 'unique' } }
  await runProbes({
    targetUrl: url,
    journeys: [unique],
    probes,
    run: 'test',
    signal: new AbortController().signal,
    now: Date.now,
  })
  expect(new Set(paths).size).toBe(4)
})
