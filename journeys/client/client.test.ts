import { afterEach, describe, expect, test } from 'vitest'
import { openConnections, sendRequest } from './index.ts'
import { findTargetUrlProblem, findWireProblem, toAddress, toRequestTarget, toTargetUrl } from '../index.ts'
import type { WireRequest } from '../index.ts'
import { closingOnReuse, endTargets, raw, target } from './testing/target.ts'

afterEach(endTargets)

const never = new AbortController().signal
const limits = { timeoutMs: 5000, maxBodyBytes: 100_000, signal: never, purpose: 'test' }
const get = { method: 'GET', path: '/', headers: {}, body: undefined }
const post = { method: 'POST', path: '/', headers: {}, body: 'x' }

describe('one request', () => {
  test('arrives as it was written, and its answer comes back whole', async () => {
    const url = await target((request, response, body) => {
      response.setHeader(
        'X-Seen',
        `${request.method} ${request.url} ${String(request.headers['x-mine'])} ${body}`,
      )
      response.appendHeader('Set-Cookie', 'a=1').appendHeader('Set-Cookie', 'b=2')
      response.end('{"ok":true}')
    })
    const result = await sendRequest(
      `${url}/base/`,
      { method: 'POST', path: '/a?b=c', headers: { 'x-mine': 'yes' }, body: 'ä' },
      limits,
    )
    expect(result).toMatchObject({
      state: 'ok',
      response: {
        status: 200,
        json: { ok: true },
        text: '{"ok":true}',
        headers: { 'set-cookie': 'a=1, b=2' },
      },
    })
    expect(
      result.state === 'ok' && Buffer.from(result.response.headers['x-seen'] ?? '', 'latin1').toString(),
    ).toBe('POST /base/a?b=c yes ä')
  })

  test.each([
    [{}, /^vigil\/\d+\.\d+\.\d+ \(test\)$/],
    [{ 'user-agent': 'mine' }, /^mine$/],
  ])('says who sends it, unless the journey does: %j', async (headers, expected) => {
    const url = await target((request, response) => response.end(request.headers['user-agent']))
    const sent = await sendRequest(url, { ...get, headers }, limits)
    expect(sent.state === 'ok' && sent.response.text).toMatch(expected)
  })

  test('follows no redirect and keeps no cookie', async () => {
    const seen: string[] = []
    const url = await target((request, response) => {
      seen.push(`${request.url} ${request.headers.cookie ?? '-'}`)
      response.writeHead(302, { location: '/login', 'set-cookie': 'a=1' }).end()
    })
    expect(await sendRequest(url, get, limits)).toMatchObject({
      state: 'ok',
      response: { status: 302 },
    })
    await sendRequest(url, get, limits)
    expect(seen).toEqual(['/ -', '/ -'])
  })

  test("carries the login of the target's URL, unless the step has its own", async () => {
    const url = await target((request, response) => response.end(request.headers.authorization))
    const login = url.replace('http://', 'http://me:p%40ss@')
    expect(await sendRequest(login, get, limits)).toMatchObject({
      response: { text: `Basic ${Buffer.from('me:p@ss').toString('base64')}` },
    })
    expect(
      await sendRequest(login, { ...get, headers: { authorization: 'Bearer x' } }, limits),
    ).toMatchObject({ response: { text: 'Bearer x' } })
  })

  test.each([
    ['a refused connection', async () => 'http://127.0.0.1:1', 'connect'],
    ['a host name that is not known', async () => 'http://no-such-host.invalid', 'dns'],
    [
      'https spoken to an http port',
      async () => (await target((_, response) => response.end())).replace('http:', 'https:'),
      'tls',
    ],
    ['a target that never answers', () => raw('', 'stay'), 'timeout'],
    [
      'a target that stalls in its body',
      () => raw('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123', 'stay'),
      'timeout',
    ],
    [
      'a connection reset in the body',
      () => raw('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123', 'reset'),
      'connect',
    ],
    ['an answer that is not HTTP', () => raw('hello there\r\n\r\n'), 'connect'],
    [
      'endless headers',
      () => raw(`HTTP/1.1 200 OK\r\n${'x-more: and more\r\n'.repeat(10_000)}`, 'stay'),
      'connect',
    ],
    [
      'a body beyond its limit',
      () => raw(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(200_000)}`, 'stay'),
      'check',
    ],
  ])('fails in class: %s', async (_, url, expected) => {
    const result = await sendRequest(await url(), get, { ...limits, timeoutMs: 1000 })
    expect(result).toMatchObject({ state: 'failed', class: expected })
    expect(result.state === 'failed' && result.message).toMatch(/^[^\n]{5,200}$/)
  })

  test('ends immediately when interrupted', async () => {
    const interrupt = new AbortController()
    const url = await raw('', 'stay')
    const result = sendRequest(url, get, { ...limits, timeoutMs: 60_000, signal: interrupt.signal })
    interrupt.abort()
    expect(await result).toMatchObject({ state: 'failed', message: 'interrupted before the answer arrived' })
  })
})

describe('a kept connection that the target closes at the next request', () => {
  const sendTwice = async (url: string, request: WireRequest) => {
    const connections = openConnections(1)
    const first = await sendRequest(url, get, limits, connections)
    const second = await sendRequest(url, request, limits, connections)
    await connections.destroy()
    return [first, second].map((sent) => (sent.state === 'ok' ? sent.response.status : sent.message))
  }
  const closed = 'connection closed before the answer was complete'

  test.each([
    ['GET', get],
    ['HEAD', { ...get, method: 'HEAD' }],
    ['POST with a key by which the target knows it', { ...post, headers: { 'idempotency-key': '1' } }],
  ])('does not fail a %s: it is sent again on a fresh connection', async (_, request) => {
    const seen: string[] = []
    expect(await sendTwice(await closingOnReuse(seen), request)).toEqual([200, 200])
    expect(seen).toEqual(['GET', request.method, request.method])
  })

  test.each(['POST', 'PUT', 'DELETE'])('fails a %s, which it may have carried out', async (method) => {
    const seen: string[] = []
    expect(await sendTwice(await closingOnReuse(seen), { ...post, method })).toEqual([200, closed])
    expect(seen).toEqual(['GET', method])
  })

  test('fails a request whose answer has begun', async () => {
    expect(await sendTwice(await closingOnReuse([], 'HTTP/1.1 2'), get)).toEqual([200, closed])
  })

  test('fails a request on a fresh connection', async () => {
    expect(await sendRequest(await raw(''), get, limits)).toMatchObject({ class: 'connect', message: closed })
  })

  test('that has ended already, with the answer before, carries no request', async () => {
    const url = await raw('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
    expect(await sendTwice(url, post)).toEqual([200, 200])
  })
})

test('a request after one that was interrupted is sent, also before its connection has ended', async () => {
  const url = await target((request, response) => (request.url === '/hangs' ? undefined : response.end('ok')))
  const interrupt = new AbortController()
  const connections = openConnections(1)
  const hanging = sendRequest(
    url,
    { ...get, path: '/hangs' },
    { ...limits, signal: interrupt.signal },
    connections,
  )
  setTimeout(() => interrupt.abort(), 50)
  expect(await hanging).toMatchObject({ state: 'failed' })
  expect(await sendRequest(url, get, limits, connections)).toMatchObject({ state: 'ok' })
  await connections.destroy()
})

describe('a request cannot be split by what a target said', () => {
  test.each([
    ['a line break in a header', { ...get, headers: { authorization: 'a\r\nx: y' } }],
    ['a space in the method', { ...get, method: 'GET /admin' }],
    ['a colon in a header name', { ...get, headers: { 'a: b': 'c' } }],
  ])('%s is refused', async (_, request) => {
    expect(findWireProblem(request)).toBeDefined()
    expect(await sendRequest('http://127.0.0.1:1', request, limits)).toMatchObject({
      state: 'failed',
      class: 'check',
    })
  })
  test('a path is encoded where it must be, and nowhere else', () => {
    const address = toAddress('http://[::1]:8080/api/')
    expect(address).toMatchObject({ hostname: '::1', port: 8080, prefix: '/api', authorization: undefined })
    expect(toRequestTarget(address, '/a%20b?c=[d]#e')).toBe('/api/a%20b?c=[d]')
    expect(toRequestTarget(address, 'ä b\r\nx')).toBe('/api/%C3%A4%20b%0D%0Ax')
  })
})

describe('a path', () => {
  test.each(['http://host', 'http://host/', 'http://host/api/v1', 'http://host/api/v1/'])(
    'is appended to %s',
    (target) => {
      const base = target.replace(/\/$/, '')
      expect(toTargetUrl(target, '/ready').href).toBe(`${base}/ready`)
      expect(toTargetUrl(target, '/ready?deep=1').href).toBe(`${base}/ready?deep=1`)
    },
  )
  test('is encoded, and never names another host', () => {
    expect(toTargetUrl('https://[::1]:8443/a%20b//', 'ü').href).toBe('https://[::1]:8443/a%20b/%C3%BC')
    expect(toTargetUrl('http://host/api', '//other/ready').href).toBe('http://host/api//other/ready')
  })
})

describe("a target's URL", () => {
  test.each(['http://host', 'https://host:8443/api/v1/', 'http://[::1]/a%3Fb%23c'])('can be %s', (url) => {
    expect(findTargetUrlProblem(url)).toBeUndefined()
  })
  test.each([
    {
      problem: /without a query or fragment/,
      urls: ['http://host/?', 'http://host/api?key=1', 'http://host#', 'http://host/#/app'],
    },
    { problem: /without a user and password/, urls: ['http://user@host', 'http://:password@host'] },
    { problem: /http:\/\/ or https:\/\//, urls: ['ftp://host', 'host:80', ''] },
  ])('is refused as one $problem', ({ problem, urls }) => {
    for (const url of urls) expect(findTargetUrlProblem(url), url).toMatch(problem)
  })
})
