import { describe, expect, test } from 'vitest'
import { toAddress } from '../../../journeys/index.ts'
import { formatRequest, createRequestWriter } from './virtual-user.ts'

const address = toAddress('http://127.0.0.1:8080/api')
const get = { method: 'GET', path: '/tasks', headers: {}, body: undefined }

test.each([
  [{}, /\r\nuser-agent: vigil\/\d+\.\d+\.\d+ \(autocannon\)\r\n/],
  [{ 'user-agent': 'mine' }, /\r\nuser-agent: mine\r\n/],
])('a request with the headers %j says who sends it', (headers, expected) => {
  const written = createRequestWriter(address, 'vigil/1.2.3 (autocannon)')({ ...get, headers })
  const text = 'text' in written ? String(written.text) : ''
  expect(text).toMatch(expected)
  expect(text.match(/user-agent/g)).toHaveLength(1)
})

describe('a request as text', () => {
  test.each([
    [
      'without a body',
      get,
      'GET /api/tasks HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nconnection: keep-alive\r\n\r\n',
    ],
    [
      'with a body, counted in bytes',
      { ...get, method: 'PUT', headers: { 'content-type': 'text/plain' }, body: 'ok' },
      'PUT /api/tasks HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nconnection: keep-alive\r\ncontent-type: ' +
        'text/plain\r\ncontent-length: 2\r\n\r\nok',
    ],
    [
      'that could have a body and has none',
      { ...get, method: 'POST' },
      'POST /api/tasks HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nconnection: keep-alive\r\ncontent-length: ' +
        '0\r\n\r\n',
    ],
    [
      'with a host and a connection of its own',
      { ...get, headers: { host: 'shop.example', connection: 'close' } },
      'GET /api/tasks HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n',
    ],
    [
      'with framing of its own, which would contradict what is sent',
      { ...get, headers: { 'content-length': '99', 'transfer-encoding': 'chunked' } },
      'GET /api/tasks HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nconnection: keep-alive\r\n\r\n',
    ],
  ])('%s', (_, request, expected) => {
    expect(formatRequest(address, request)).toBe(expected)
  })

  test('is bytes where it is not ASCII: the body UTF-8, headers Latin-1', () => {
    const text = formatRequest(address, {
      ...get,
      method: 'POST',
      headers: { 'x-name': 'Jos\u00e9' },
      body: 'ä',
    })
    expect(Buffer.isBuffer(text)).toBe(true)
    expect(Buffer.from(text).toString('latin1')).toMatch(/x-name: José\r\ncontent-length: 2\r\n\r\nÃ¤$/)
  })
})

describe('a step that sends the same again', () => {
  test('writes it once, and again when anything differs', () => {
    const write = createRequestWriter(address)
    const first = write({ ...get, headers: { a: '1' } })
    expect(write({ ...get, headers: { a: '1' } })).toBe(first)
    for (const other of [
      { ...get, headers: { a: '2' } },
      { ...get, headers: { b: '1' } },
      { ...get, headers: {} },
      { ...get, path: '/' },
      { ...get, method: 'HEAD' },
      { ...get, body: 'x' },
    ]) {
      const written = write(other)
      expect('text' in written && written.text).toBe(formatRequest(address, other))
    }
  })

  test('says each time why it cannot be sent', () => {
    const write = createRequestWriter(address)
    const broken = { ...get, headers: { a: 'b\r\nc: d' } }
    expect([write(broken), write(broken)]).toEqual(
      [1, 2].map(() => ({ problem: 'header a contains characters that HTTP does not allow' })),
    )
  })
})
