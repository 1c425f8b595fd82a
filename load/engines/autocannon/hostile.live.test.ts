import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { endless, serveRaw } from './testing/service.ts'
import { countsOf, load, measurementOf, until } from './testing/workbench.ts'

// What each kind of broken answer comes to is shown in connection.test.ts; here, that a whole load lives
// through it.

const ok = 'HTTP/1.1 200 OK\r\n'
const bomb = gzipSync(Buffer.alloc(5_000_000))
const journeys =
  "[{ name: 'home', steps: [{ name: 'get', request: () => ({ method: 'GET', path: '/' }), check: " +
  "(response) => 'it said ' + response.text }] }]"

describe('a load of a hostile target goes on, and all of it has failed', () => {
  test.each<[string, (socket: Socket) => void, string, string]>([
    ['a body without an end', endless(`${ok}\r\n`, 'x'), 'check', 'the body is larger than'],
    [
      'a small body that grows when decoded',
      (socket: Socket) => {
        socket.write(`${ok}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`)
        socket.write(bomb)
      },
      'check',
      'the body is larger than 4194304 bytes when decoded from gzip',
    ],
    [
      'text that repaints the terminal',
      (socket: Socket) =>
        void socket.write(`${ok}content-length: 20\r\n\r\n\u001B[2J\u001B]0;owned\u0007\u001B[31mx`),
      'check',
      'it said',
    ],
    [
      'no HTTP at all',
      (socket: Socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n'),
      'connect',
      'the answer is invalid HTTP',
    ],
  ])('%s', async (_, talk, failure, said) => {
    const target = await until(serveRaw(talk))
    const loaded = await load({ url: target.url, journeys, durationMs: 500 })
    const { requests, errors } = countsOf(loaded)
    expect(requests).toBeGreaterThan(1)
    expect(errors).toBe(requests)
    const { failures } = measurementOf(loaded)
    expect(failures.map((entry) => entry.class)).toEqual([failure])
    expect(failures[0]?.example).toMatch(said)
    expect(failures[0]?.example).not.toMatch(/\p{Cc}/u)
    expect(loaded.left).toEqual([])
  })
})
