import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { runReport } from '../../reports/testing/examples/index.ts'
import { defaultPushLimits } from './index.ts'
import type { PushLimits, PushResult } from './index.ts'
import { pushReport } from './testing/gateway.ts'
import { startRunningClock } from '../testing/running-clock.ts'

const report = runReport({ suite: 'tiny', steps: { 'a/b': { requests: 40, medianMs: 3, spread: 0.2 } } })
/** For servers that answer: a slow machine must not cause a timeout. */
const patient: PushLimits = { totalMs: 60_000, attemptMs: 60_000, pausesMs: [10, 20] }
/** For servers that do not answer: shorter than the default, so that the tests are fast. */
const quick: PushLimits = { totalMs: 600, attemptMs: 250, pausesMs: [10, 20] }

const open: { server: Server; sockets: Set<Socket> }[] = []
afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({ server, sockets })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  return `127.0.0.1:${address.port}`
}

/** A server that answers each request by `answer`, and the requests that it received. */
async function answering(
  answer: (response: ServerResponse, seen: number) => void,
): Promise<{ host: string; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = []
  const host = await listen(
    createServer((request, response) => {
      seen.push(request)
      request.resume()
      request.on('end', () => answer(response, seen.length))
    }),
  )
  return { host, seen }
}

function reasonOf(result: PushResult): string {
  return result.state === 'failed' ? result.reason : 'it was pushed'
}

describe('a push to a server that fails', () => {
  it('has three attempts when the port is refused, and fails with one line', async () => {
    const host = await listen(createTcpServer())
    await new Promise((resolve) => open.pop()?.server.close(resolve))
    const result = await pushReport({ url: `http://${host}`, ...report, limits: patient })
    expect(result).toEqual({
      state: 'failed',
      attempts: 3,
      reason: `http://${host}: connect ECONNREFUSED ${host} (3 attempts)`,
    })
  })

  it('has another attempt after a 500, and succeeds after the last one', async () => {
    const { host, seen } = await answering((response, n) =>
      response.writeHead(n < 3 ? 500 : 200).end('storage is locked'),
    )
    expect(await pushReport({ url: `http://${host}`, ...report, limits: patient })).toEqual({
      state: 'ok',
      attempts: 3,
    })
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual(
      Array.from({ length: 3 }, () => 'PUT /metrics/job/vigil/suite/tiny/environment/default/place/default'),
    )
  })

  it('ends after two retries', async () => {
    const { host, seen } = await answering((response) => response.writeHead(503).end('storage is locked'))
    expect(reasonOf(await pushReport({ url: `http://${host}`, ...report, limits: patient }))).toBe(
      `http://${host}: answered 503: storage is locked (3 attempts)`,
    )
    expect(seen).toHaveLength(3)
  })
})

describe('a push that is refused for good', () => {
  it.each([400, 401, 403, 404, 413])('has no second attempt after a %i', async (status) => {
    const { host, seen } = await answering((response) =>
      response.writeHead(status).end('no\r\nand \u001b[31mno\u0007 again'),
    )
    expect(reasonOf(await pushReport({ url: `http://${host}`, ...report, limits: patient }))).toBe(
      `http://${host}: answered ${status}: no and \ufffd[31mno\ufffd again (1 attempt)`,
    )
    expect(seen).toHaveLength(1)
  })

  it('is not followed to a login page, nor taken for a success', async () => {
    const { host, seen } = await answering((response) =>
      response.writeHead(302, { location: '/login' }).end(),
    )
    expect(reasonOf(await pushReport({ url: `http://${host}`, ...report, limits: patient }))).toBe(
      `http://${host}: answered 302, expected 200 or 202: is this a Pushgateway? (1 attempt)`,
    )
    expect(seen).toHaveLength(1)
  })

  it.each([
    '',
    'nowhere',
    'ftp://127.0.0.1/',
    'localhost:9091',
    'file:///etc/passwd',
    'http://[::1',
    'http://:0:0',
  ])('has no attempt to %j', async (url) => {
    const result = await pushReport({ url, ...report, limits: patient })
    expect(result).toMatchObject({ state: 'failed', attempts: 0 })
    expect(reasonOf(result)).toContain('expected the http:// or https:// address of a Pushgateway')
  })
})

describe('a push never takes longer than its limits', () => {
  // Long: the push has to end; the exact time does not matter.
  const generousMs = 20_000

  it.each<[string, PushLimits, (socket: Socket) => void, string]>([
    ['accepts and never answers', quick, () => undefined, 'no answer within'],
    [
      'answers headers and stalls',
      quick,
      (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'),
      'no answer within',
    ],
    [
      'stalls within the headers',
      quick,
      (socket) => socket.write('HTTP/1.1 200 OK\r\nX-Slow: '),
      'no answer within',
    ],
    [
      'hangs up during its answer',
      quick,
      (socket) =>
        void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', () => socket.destroy()),
      'other side closed',
    ],
    ['hangs up', patient, (socket) => socket.destroy(), 'other side closed (3 attempts)'],
    [
      'speaks another protocol',
      patient,
      (socket) => socket.write('220 mail.example ESMTP\r\n'),
      'Response does not match the HTTP/1.1 protocol',
    ],
  ])('by a server that %s', async (_, limits, answer, reason) => {
    const host = await listen(
      createTcpServer((socket) => {
        socket.once('data', () => answer(socket))
        socket.resume()
      }),
    )
    const clock = startRunningClock()
    const result = await pushReport({ url: `http://${host}`, ...report, limits })
    expect(clock.elapsedMs()).toBeLessThan(generousMs)
    expect(result.state).toBe('failed')
    expect(reasonOf(result)).toContain(reason)
  })

  it('by an endless answer, which is not kept in memory either', async () => {
    let sent = 0
    const { host } = await answering((response) => {
      const chunk = Buffer.alloc(256 * 1024, 'x')
      response.writeHead(200)
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length
        sent += chunk.length
      }
      response.on('drain', more)
      more()
    })
    const clock = startRunningClock()
    const result = await pushReport({ url: `http://${host}`, ...report, limits: { ...quick, pausesMs: [] } })
    expect(clock.elapsedMs()).toBeLessThan(generousMs)
    expect(reasonOf(result)).toMatch(/more than a Pushgateway would send|no answer within/)
    expect(sent).toBeLessThan(2 ** 30)
  })

  it('and by default that is 5 s for all, with two retries', () => {
    expect(defaultPushLimits.totalMs).toBeLessThanOrEqual(5000)
    expect(defaultPushLimits.pausesMs).toHaveLength(2)
    expect(defaultPushLimits.attemptMs).toBeLessThanOrEqual(defaultPushLimits.totalMs)
  })

  it('and ends immediately when interrupted, in an attempt and between two', async () => {
    const interruption = new AbortController()
    const { host, seen } = await answering(() => interruption.abort())
    const endless = { totalMs: 600_000, attemptMs: 600_000, pausesMs: [300_000] }
    expect(
      reasonOf(
        await pushReport({ url: `http://${host}`, ...report, limits: endless, signal: interruption.signal }),
      ),
    ).toContain(`http://${host}: interrupted`)
    expect(seen).toHaveLength(1)

    const between = new AbortController()
    const failing = await answering((response) => {
      response.writeHead(500).end(() => setImmediate(() => between.abort()))
    })
    expect(
      reasonOf(
        await pushReport({
          url: `http://${failing.host}`,
          ...report,
          limits: endless,
          signal: between.signal,
        }),
      ),
    ).toContain('interrupted')
    expect(failing.seen.length).toBe(1)
    expect(
      await pushReport({ url: `http://${host}`, ...report, limits: endless, signal: between.signal }),
    ).toMatchObject({ state: 'failed', attempts: 0 })
  })
})

describe('credentials in the address', () => {
  const pair = Buffer.from('robot:ca/n@ry secret').toString('base64')

  // The reason is cut at 240 characters: the secrets lie before, across and after the cut.
  it.each([0, 150, 190, 200, 225])(
    'are sent, and in no message when the server sends them back after %i characters',
    async (before) => {
      const { host, seen } = await answering((response) =>
        response
          .writeHead(400)
          .end(
            `${'.'.repeat(before)} ca/n@ry secret, ca%2Fn%40ry%20secret, Basic ${pair}, token=canary-token`,
          ),
      )
      const reason = reasonOf(
        await pushReport({
          url: `http://robot:ca%2Fn%40ry%20secret@${host}/?token=canary-token#canary-part`,
          ...report,
          limits: patient,
        }),
      )
      expect(seen[0]?.headers.authorization).toBe(`Basic ${pair}`)
      expect(seen[0]?.url).toBe('/metrics/job/vigil/suite/tiny/environment/default/place/default')
      expect(reason).toMatch(new RegExp(`^http://${host}: answered 400`))
      expect(reason).not.toMatch(/ca\/n|ca%2F|canary|robot|cm9ib3/)
    },
  )

  it.each([
    'http://robot:canary-secret@[::1',
    'http://robot:can@ary-secret@127.0.0.1:99999/',
    'http://robot:can/ary-secret@127.0.0.1:99999/',
    'robot:canary-secret@127.0.0.1:9091',
    'ftp://robot:canary-secret@127.0.0.1/?token=canary-secret',
    '//robot:canary-secret@127.0.0.1/',
    'http://robot:canary-secret@127.0.0.1:1/?token=canary-secret#canary-secret',
  ])('are in no reason for an address that cannot be used: %s', async (url) => {
    const reason = reasonOf(await pushReport({ url, ...report, limits: patient }))
    expect(reason).not.toMatch(/canary|ary-secret|can@|robot/)
  })
})
