import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { restMs } from './connection.ts'
import { bodyLimits } from './answer.ts'
import { selfSigned } from './testing/certificate.ts'
import { converse } from './testing/conversation.ts'
import { endless, listening, serve, serveRaw } from './testing/service.ts'
import { until } from './testing/workbench.ts'

const ok = 'HTTP/1.1 200 OK\r\n'
const words = (text: string) => (socket: Socket) => void socket.write(text, 'latin1')
const wordsAndEnd = (text: string) => (socket: Socket) => void socket.end(text, 'latin1')

/** The same outcome of each of some requests. */
const each = <T>(requests: number, outcome: T): T[] => Array.from({ length: requests }, () => outcome)

describe('what is no answer fails, is bounded, and the next request has a connection of its own', () => {
  const skipped = { keepsBody: false }
  const kept = { keepsBody: true }
  test.each([
    [
      'an endless body that no step reads',
      skipped,
      endless(`${ok}transfer-encoding: chunked\r\n\r\n`, `10000\r\n${'x'.repeat(0x10000)}\r\n`),
      'check',
      `the body is larger than ${bodyLimits.skippedBytes} bytes`,
    ],
    [
      'a body without an end, that a step reads',
      kept,
      endless(`${ok}\r\n`, 'x'.repeat(1000)),
      'check',
      `the body is larger than ${bodyLimits.keptBytes} bytes`,
    ],
    [
      'a body of a gigabyte, announced',
      kept,
      words(`${ok}content-length: 1073741824\r\n\r\n`),
      'check',
      `the body is larger than ${bodyLimits.keptBytes} bytes`,
    ],
    [
      'headers without an end',
      kept,
      endless(ok, 'x-more: and more\r\n'),
      'connect',
      'the answer is invalid HTTP: max header size exceeded',
    ],
    [
      'one header line without an end',
      kept,
      endless(`${ok}x: `, 'x'),
      'connect',
      /max header size exceeded|a line of the answer is endless/,
    ],
    [
      'trailers without an end',
      kept,
      endless(`${ok}transfer-encoding: chunked\r\n\r\n0\r\n`, 'x-more: and more\r\n'),
      'connect',
      'the answer has too many trailers',
    ],
    [
      'a chunk size without an end',
      kept,
      endless(`${ok}transfer-encoding: chunked\r\n\r\n`, '1'),
      'connect',
      'a line of the answer is endless',
    ],
    [
      'a chunk size that is none',
      kept,
      words(`${ok}transfer-encoding: chunked\r\n\r\nhello\r\nworld\r\n`),
      'connect',
      'the size of a chunk is no number',
    ],
    [
      'a chunk of a negative size',
      kept,
      words(`${ok}transfer-encoding: chunked\r\n\r\n-5\r\nworld\r\n0\r\n\r\n`),
      'connect',
      'the size of a chunk is no number',
    ],
    [
      'a content-length that is negative',
      kept,
      words(`${ok}content-length: -5\r\n\r\nworld`),
      'connect',
      'the content-length is no number',
    ],
    [
      'a content-length that is no number',
      kept,
      words(`${ok}content-length: many\r\n\r\nworld`),
      'connect',
      'the content-length is no number',
    ],
    [
      'two content-lengths',
      kept,
      words(`${ok}content-length: 5\r\ncontent-length: 6\r\n\r\nworld!`),
      'connect',
      'the answer is invalid HTTP',
    ],
    [
      'a body encoded with no end to be seen',
      kept,
      words(`${ok}transfer-encoding: gzip\r\n\r\nworld`),
      'connect',
      'a transfer-encoding other than chunked',
    ],
    [
      'another protocol',
      kept,
      words('HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\nPRI'),
      'connect',
      'the target switched to another protocol',
    ],
    [
      'two answers to one request',
      kept,
      words(`${ok}content-length: 2\r\n\r\nok${ok}content-length: 4\r\n\r\nevil`),
      'connect',
      'the target sent more than one answer',
    ],
    ['no HTTP at all', kept, words('SSH-2.0-OpenSSH_9.2\r\n'), 'connect', 'the answer is invalid HTTP'],
    [
      'half an answer',
      kept,
      wordsAndEnd(`${ok}content-length: 10\r\n\r\nhalf`),
      'connect',
      'connection closed before the answer was complete',
    ],
    [
      'nothing, and hangs up',
      kept,
      wordsAndEnd(''),
      'connect',
      'connection closed before the answer was complete',
    ],
    ['a reset', kept, (socket: Socket) => socket.resetAndDestroy(), 'connect', 'connection reset'],
  ] as const)('%s', async (_, request, talk, failure, said) => {
    const connections = new Set<number | undefined>()
    const target = await until(
      serveRaw((socket) => {
        connections.add(socket.remotePort)
        talk(socket)
      }),
    )
    const { outcomes } = await converse(target.url, 2, request)
    expect(outcomes).toEqual([expect.objectContaining({ failure }), expect.objectContaining({ failure })])
    for (const outcome of outcomes) expect('message' in outcome && outcome.message).toMatch(said)
    expect(connections.size).toBe(2)
  })

  test('silence, at its time limit', async () => {
    const target = await until(serveRaw(() => undefined))
    const { outcomes, tookMs } = await converse(target.url, 2, {}, 100)
    expect(outcomes).toEqual(each(2, { failure: 'timeout', message: 'no complete answer within 100 ms' }))
    expect(tookMs).toBeGreaterThanOrEqual(195)
  })

  test('a target that is gone, after a rest each', async () => {
    const target = await until(serveRaw(() => undefined))
    await target.close()
    const { outcomes, tookMs } = await converse(target.url, 5)
    expect(outcomes).toEqual(each(5, { failure: 'connect', message: 'connection refused (ECONNREFUSED)' }))
    expect(tookMs).toBeGreaterThanOrEqual(4 * (restMs - 1))
  })

  test('a server whose certificate is not trusted', async () => {
    const server = createSecureServer(selfSigned, (_request, response) => response.end('ok'))
    const target = await until(listening(server, 'https://', () => server.closeAllConnections()))
    const { outcomes } = await converse(target.url, 1)
    expect(outcomes).toEqual([
      { failure: 'tls', message: 'the certificate is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)' },
    ])
  })

  test('https spoken to an http port', async () => {
    const target = await until(serve((_arrived, response) => response.end()))
    const { outcomes } = await converse(target.url.replace('http:', 'https:'), 1)
    expect(outcomes).toMatchObject([{ failure: 'tls' }])
  })
})

describe('an answer is read whole', () => {
  test.each([
    [
      'behind early hints',
      words(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${ok}content-length: 6\r\n\r\nfine é`),
    ],
    [
      'in chunks with extensions and trailers',
      words(`${ok}transfer-encoding: chunked\r\n\r\n2;a=b\r\nfi\r\n004\r\nne é\r\n0\r\nx-t: 1\r\n\r\n`),
    ],
    ['that ends with the connection', wordsAndEnd(`${ok}\r\nfine é`)],
    ['from a server of HTTP/1.0', wordsAndEnd('HTTP/1.0 200 OK\r\ncontent-length: 6\r\n\r\nfine é')],
    [
      'byte by byte',
      (socket: Socket) => {
        for (const byte of `${ok}content-length: 6\r\n\r\nfine é`) socket.write(byte, 'latin1')
      },
    ],
  ])('%s', async (_, talk) => {
    const target = await until(serveRaw(talk))
    const { outcomes } = await converse(target.url, 3)
    expect(outcomes).toMatchObject(each(3, { status: 200, body: 'fine \ufffd' }))
  })

  test('with headers beyond ASCII', async () => {
    const target = await until(serveRaw(words(`${ok}x-name: Jos\u00e9\r\ncontent-length: 0\r\n\r\n`)))
    const { outcomes } = await converse(target.url, 1)
    expect(outcomes).toMatchObject([{ headers: ['x-name', 'Jos\u00e9', 'content-length', '0'] }])
  })

  test('without a body, to HEAD and with 204, over one connection', async () => {
    const ports = new Set<number | undefined>()
    const target = await until(
      serve((_arrived, response, index) => {
        ports.add(response.socket?.remotePort)
        response.writeHead(index === 2 ? 204 : 200).end()
      }),
    )
    const { outcomes } = await converse(target.url, 3, {
      text: 'HEAD / HTTP/1.1\r\nhost: test\r\n\r\n',
      isHead: true,
    })
    expect(outcomes).toMatchObject([{ status: 200 }, { status: 204 }, { status: 200 }])
    expect(ports.size).toBe(1)
  })

  test('on a new connection where the target closes the old one', async () => {
    const ports = new Set<number | undefined>()
    const target = await until(
      serve((_arrived, response) => {
        ports.add(response.socket?.remotePort)
        response.setHeader('connection', 'close').end('ok')
      }),
    )
    const { outcomes } = await converse(target.url, 3)
    expect(outcomes).toMatchObject(each(3, { status: 200, body: 'ok' }))
    expect(ports.size).toBe(3)
  })
})

describe('a kept connection that the target closes at the next request', () => {
  /** Answers each connection's first request, and closes it at the next. */
  const closing = (methods: string[], parting = '') => {
    const seen = new WeakSet<Socket>()
    return (socket: Socket, chunk: Buffer) => {
      methods.push(chunk.toString().split(' ')[0] ?? '')
      if (seen.has(socket)) return void socket.end(parting)
      seen.add(socket)
      socket.write(`${ok}content-length: 2\r\n\r\nok`)
    }
  }
  const post = { text: 'POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n', isResendable: false }
  const answered = { status: 200, body: 'ok' }
  const failed = { failure: 'connect', message: 'connection closed before the answer was complete' }

  test('does not fail a GET: it is sent again on a fresh connection', async () => {
    const methods: string[] = []
    const target = await until(serveRaw(closing(methods)))
    expect((await converse(target.url, 3)).outcomes).toMatchObject(each(3, answered))
    expect(methods).toEqual(each(5, 'GET'))
  })

  test('fails a POST, which it may have carried out', async () => {
    const methods: string[] = []
    const target = await until(serveRaw(closing(methods)))
    expect((await converse(target.url, 3, post)).outcomes).toMatchObject([answered, failed, answered])
    expect(methods).toEqual(each(3, 'POST'))
  })

  test('fails a request whose answer has begun', async () => {
    const target = await until(serveRaw(closing([], 'HTTP/1.1 2')))
    expect((await converse(target.url, 2)).outcomes).toMatchObject([answered, failed])
  })

  test('that is fresh fails the request', async () => {
    const target = await until(serveRaw((socket) => socket.end()))
    expect((await converse(target.url, 2)).outcomes).toMatchObject(each(2, failed))
  })

  test('counts the time of both connections', async () => {
    const talk = closing([])
    let requests = 0
    const target = await until(
      serveRaw((socket, chunk) => {
        requests += 1
        if (requests === 1) talk(socket, chunk)
        else setTimeout(() => talk(socket, chunk), 600)
      }),
    )
    // The second request is closed after 600 ms, and answered after as many again.
    const { outcomes } = await converse(target.url, 2, {}, 1000)
    expect(outcomes).toMatchObject([answered, { failure: 'timeout' }])
  })
})
