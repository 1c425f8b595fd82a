import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../testing/index.ts'
import { useTestService } from '../testing/fixture.ts'
import { measureLongestTurnMs, measureParsingMs } from '../testing/turns.ts'

let user: Client

const running = useTestService()

beforeAll(async () => {
  user = (await running.client.register()).client
})

/** Sends bytes as they are and gives what comes back until the connection is closed. */
function exchange(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(running.service.address.port, '127.0.0.1', () => socket.write(bytes))
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString()))
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
}

const post = (body: NonNullable<RequestInit['body']>, headers: Record<string, string>) =>
  fetch(`${running.url}/tasks`, {
    method: 'POST',
    body,
    headers: { authorization: `Bearer ${user.token ?? ''}`, ...headers },
  })

describe('bodies', () => {
  const json = { 'content-type': 'application/json' }

  test.each([
    ['malformed JSON', 400, '{"title":', json],
    ['an empty body', 400, '', json],
    ['bytes that are not UTF-8', 400, new Uint8Array([0x22, 0xff, 0x22]), json],
    ['another type', 415, 'title=x', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no type', 415, new Uint8Array([0x7b, 0x7d]), {}],
    ['another charset', 415, '{}', { 'content-type': 'application/json; charset=utf-16' }],
    [
      'a compressed body',
      415,
      new Uint8Array(gzipSync('x'.repeat(1e6))),
      { ...json, 'content-encoding': 'gzip' },
    ],
    ['a body that says it is too large', 413, 'x'.repeat(300_000), json],
    ['no object', 422, '[]', json],
  ])('%s: %i', async (_what, status, body, headers) => {
    const answer = await post(body, headers)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json'])
    expect(await answer.json()).toMatchObject({ status, requestId: answer.headers.get('x-request-id') })
  })

  test.each([
    ['nested arrays', (bytes: number) => `{"create":${'['.repeat(bytes / 2)}${']'.repeat(bytes / 2)}}`],
    ['many arrays', (bytes: number) => `{"create":[${'[],'.repeat(bytes / 3)}[]]}`],
  ])('8 MB of %s are refused while others are answered', async (_what, format) => {
    const body = Buffer.from(format(8_000_000))
    const longestMs = await measureLongestTurnMs(async () => {
      const answer = await fetch(`${running.url}/tasks/bulk`, {
        method: 'POST',
        body,
        headers: { ...json, authorization: `Bearer ${user.token ?? ''}` },
      })
      expect(await answer.json()).toMatchObject({
        status: 422,
        detail: expect.stringMatching(/levels|values/),
      })
    })
    expect(longestMs).toBeLessThan(0.33 * measureParsingMs())
  })

  test('a body in chunks that becomes too large is refused early and the connection closed', async () => {
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
    const head = [
      'POST /tasks HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${user.token ?? ''}`,
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
      '\r\n',
    ].join('\r\n')
    // The end is never sent: only an early refusal ends this.
    const answer = await exchange(head + chunk.repeat(20))
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })
})

describe('paths and methods', () => {
  const allowed = {
    'PUT /tasks': 'GET, HEAD, OPTIONS, POST',
    'POST /health': 'GET, HEAD, OPTIONS',
    'GET /auth/login': 'OPTIONS, POST',
    'PATCH /tasks/bulk': 'OPTIONS, POST',
    'PUT /tasks/01900000-0000-7000-8000-000000000000': 'DELETE, GET, HEAD, OPTIONS, PATCH',
  }
  test.each(Object.entries(allowed))('%s is 405 with Allow: %s', async (request, allow) => {
    const [method = '', path = ''] = request.split(' ')
    const answer = await user.send(method, path)
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow])
    expect(answer.json).toMatchObject({ status: 405 })
  })

  test('a refused method counts for its route', async () => {
    await user.send('PUT', '/tasks/01900000-0000-7000-8000-000000000000')
    const { text } = await running.client.get('/metrics')
    expect(text).toMatch(/^http_requests_total\{method="other",route="\/tasks\/:id",status="405"\} \d+$/m)
  })

  test('TRACE is refused as well', async () => {
    expect(await exchange('TRACE /tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 405 /,
    )
  })

  test.each(['GET /nothing', 'GET /tasks/1', 'PUT /tasks/1', 'OPTIONS /nothing'])(
    '%s, an unknown path, is 404',
    async (request) => {
      const [method = '', path = ''] = request.split(' ')
      expect((await user.send(method, path)).json).toMatchObject({ status: 404 })
    },
  )

  test('HEAD answers as GET without the body', async () => {
    const answer = await user.send('HEAD', '/tasks')
    expect([answer.status, answer.text]).toEqual([200, ''])
  })

  test.each([
    'GET /%zz HTTP/1.1',
    'GET /tasks?q=%ff HTTP/1.1',
    'GET http://[ HTTP/1.1',
    'GET /\\x HTTP/1.1',
    'GET //tasks HTTP/1.1',
  ])('%s is refused without an error of ours', async (line) => {
    const answer = await exchange(`${line}\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(answer).toContain('application/problem+json')
  })

  test('headers beyond 16 KiB are 431, a line that is no HTTP 400', async () => {
    expect(await exchange(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    )
    expect(await exchange('hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('every answer', () => {
  test('carries a request id: a valid one is kept, another replaced', async () => {
    expect((await user.get('/tasks', { 'x-request-id': 'mine-1' })).headers.get('x-request-id')).toBe(
      'mine-1',
    )
    expect((await user.get('/tasks', { 'x-request-id': 'a b' })).headers.get('x-request-id')).toMatch(
      /^[0-9a-f]{32}$/,
    )
    expect(
      (await user.get('/tasks', { 'x-request-id': 'x'.repeat(200) })).headers.get('x-request-id'),
    ).toMatch(/^[0-9a-f]{32}$/)
  })

  test('joins a valid traceparent with a span of its own, and starts a trace otherwise', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c'
    const joined = (await user.get('/tasks', { traceparent: `00-${trace}-b7ad6b7169203331-01` })).headers.get(
      'traceparent',
    )
    expect(joined).toMatch(new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`))
    expect(
      (await user.get('/tasks', { traceparent: `00-${'0'.repeat(32)}-b7ad6b7169203331-01` })).headers.get(
        'traceparent',
      ),
    ).toMatch(/^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-0\d$/)
  })

  test.each(['/health', '/nothing', '/tasks'])('has the security headers: %s', async (path) => {
    const { headers } = await running.client.get(path)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('shows where the time went only to callers that are allowed to see it', async () => {
    expect((await user.get('/tasks')).headers.get('server-timing')).toBeNull()
  })
})
