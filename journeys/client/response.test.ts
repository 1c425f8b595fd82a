import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { decodeBody, sendRequest, toResponse } from './index.ts'
import { endTargets, target } from './testing/target.ts'

afterEach(endTargets)

const limits = {
  timeoutMs: 5000,
  maxBodyBytes: 1000,
  signal: new AbortController().signal,
  purpose: 'test',
}

const encodings: [name: string, encode: (body: Buffer) => Buffer][] = [
  ['gzip', (body) => gzipSync(body)],
  ['deflate', (body) => deflateSync(body)],
  ['br', (body) => brotliCompressSync(body)],
  ['zstd', (body) => zstdCompressSync(body)],
  ['br, gzip', (body) => gzipSync(brotliCompressSync(body))],
]

describe.each(encodings)('a body in %s', (name, encode) => {
  const fetchBytes = async (body: Buffer) => {
    const url = await target((_request, response) => {
      response.setHeader('content-encoding', name)
      response.end(body)
    })
    const request = { method: 'GET', path: '/', headers: {}, body: undefined }
    const sent = await sendRequest(url, request, limits)
    return sent.state === 'ok' ? sent.response.text : `${sent.class}: ${sent.message}`
  }

  test('is decoded up to the limit of bodies', async () => {
    const text = 'ä'.repeat(500)
    expect(await fetchBytes(encode(Buffer.from(text)))).toBe(text)
  })

  test('that grows beyond the limit is refused', async () => {
    expect(await fetchBytes(encode(Buffer.alloc(1001)))).toMatch(
      /^check: the body is larger than 1000 bytes when decoded from \w+$/,
    )
    expect(await fetchBytes(encode(Buffer.alloc(10_000_000)))).toMatch(/^check: the body is larger than 1000/)
  })

  test('that is cut off, or something else, is refused', async () => {
    const cut = encode(Buffer.from('some text that is long enough')).subarray(0, -4)
    expect(await fetchBytes(cut)).toMatch(/^check: the body cannot be decoded from \w+: /)
    expect(await fetchBytes(Buffer.from('plain text'))).toMatch(/^check: the body cannot be decoded/)
  })
})

test.each([
  ['an encoding that no engine knows', 'plain', 'compress', 'plain'],
  ['no body', '', 'gzip', ''],
  ['an empty header', 'plain', '', 'plain'],
])('%s leaves the body as it is', (_, body, encoding, expected) => {
  expect(decodeBody(Buffer.from(body), encoding, 10)).toBe(expected)
})

test('more than five encodings are refused', () => {
  expect(() => decodeBody(Buffer.from('x'), 'gzip,'.repeat(6), 10)).toThrow('more than 5 encodings')
})

test('a byte order mark is no part of the text; a second one is', () => {
  expect(toResponse(200, {}, '\uFEFF{"a":1}')).toMatchObject({ text: '{"a":1}', json: { a: 1 } })
  expect(toResponse(200, {}, '\uFEFF\uFEFFa').text).toBe('\uFEFFa')
})
