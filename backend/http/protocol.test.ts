import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { useTestService } from '../testing/fixture.ts'

const running = useTestService()

/** Sends a head as it is, and returns what arrives until the connection is closed. */
function exchange(...lines: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(running.service.address.port, '127.0.0.1', () =>
      socket.write(`${lines.join('\r\n')}\r\n\r\n`),
    )
    let received = ''
    socket.setTimeout(5000, () => socket.destroy(new Error(`no answer to ${lines[0]}`)))
    socket.on('data', (chunk) => (received += chunk.toString()))
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
}

describe('the Host header', () => {
  test.each([
    ['HTTP/1.0 needs none', ['GET /health HTTP/1.0']],
    ['HTTP/1.0 may have one', ['GET /health HTTP/1.0', 'Host: todo.example']],
    ['it may be empty', ['GET /health HTTP/1.1', 'Host:', 'Connection: close']],
    ['it may be an IPv6 address', ['GET /health HTTP/1.1', 'Host: [::1]:8000', 'Connection: close']],
    ['an absolute target overrides it', ['GET http://a/health HTTP/1.1', 'Host: b', 'Connection: close']],
  ])('%s', async (_what, lines) => {
    expect(await exchange(...lines)).toMatch(/^HTTP\/1\.1 200 [^]*"healthy"/)
  })

  test('is accepted without by operations that need a token too', async () => {
    expect(await exchange('GET /tasks HTTP/1.0')).toMatch(/^HTTP\/1\.1 401 [^]*problem\+json/)
  })

  test.each([
    ['HTTP/1.1 needs one', ['GET /health HTTP/1.1', 'Connection: close']],
    ['two of them', ['GET /health HTTP/1.1', 'Host: a', 'Host: b', 'Connection: close']],
    ['an invalid one', ['GET /health HTTP/1.1', 'Host: a/b', 'Connection: close']],
  ])('400: %s', async (_what, lines) => {
    expect(await exchange(...lines)).toMatch(/^HTTP\/1\.1 400 [^]*problem\+json[^]*"status":400/)
  })
})

describe('other forms of requests', () => {
  test.each(['Host: x', 'Host:'])('OPTIONS * asks about the server as a whole (%s)', async (host) => {
    const answer = await exchange('OPTIONS * HTTP/1.1', host, 'Connection: close')
    expect(answer).toMatch(/^HTTP\/1\.1 204 [^]*allow: DELETE, GET, HEAD, OPTIONS, PATCH, POST/i)
  })

  test('GET * is no resource', async () => {
    expect(await exchange('GET * HTTP/1.1', 'Host: x', 'Connection: close')).toMatch(/^HTTP\/1\.1 4\d\d /)
  })

  test.each(['example.com:443', '127.0.0.1:22'])('CONNECT %s is 405 with Allow', async (target) => {
    const answer = await exchange(`CONNECT ${target} HTTP/1.1`, `Host: ${target}`)
    expect(answer).toMatch(/^HTTP\/1\.1 405 [^]*problem\+json[^]*"status":405/i)
    expect(answer).toMatch(/connection: close/i)
  })

  test('an unknown expectation is 417, one of an upgrade is ignored', async () => {
    const close = 'Connection: close'
    expect(await exchange('GET /health HTTP/1.1', 'Host: x', 'Expect: magic', close)).toMatch(
      /^HTTP\/1\.1 417 [^]*problem\+json/,
    )
    expect(
      await exchange('GET /health HTTP/1.0', 'Host: x', 'Connection: upgrade', 'Upgrade: websocket'),
    ).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('a connection continues to work after HTTP/1.0 with keep-alive', async () => {
    const answer = await exchange(
      'GET /health HTTP/1.0',
      'Connection: keep-alive',
      '',
      'GET /health HTTP/1.0',
    )
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
  })
})
