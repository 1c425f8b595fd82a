import { describe, expect, it } from 'vitest'
import { createRedactor, redactTrace, readZip, writeZip } from './redaction.ts'
const redact = createRedactor({
  PROBE_PASSWORD: 'tulip-canary',
  API_TOKEN: 'tulip-canary-longer',
  PATH: '/usr/bin',
  SECRET: 'short',
})

describe('a text without its secrets', () => {
  it.each([
    ['sent authorization: Bearer abc.def, again', 'sent authorization: Bearer [redacted], again'],
    ['{"name":"authorization","value":"Basic dTpw"}', '{"name":"authorization","value":"Basic [redacted]"}'],
    ['token eyJhbGciOi.eyJzdWIi.c2ln here', 'token [redacted] here'],
    ['{"password":"hunter22","user":"a"}', '{"password":"[redacted]","user":"a"}'],
    ['{\\"accessToken\\":\\"hunter22\\"}', '{\\"accessToken\\":\\"[redacted]\\"}'],
    ['cookie=hunter22; path', 'cookie=[redacted]; path'],
    ['at postgres://me:hunter22@db/x', 'at postgres://[redacted]@db/x'],
    ['tulip-canary-longer and tulip-canary', '[redacted] and [redacted]'],
    ['in /usr/bin, in short: fine', 'in /usr/bin, in short: fine'],
  ])('%s', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })
})

describe('a ZIP archive', () => {
  it('of another program is read', () => {
    const archive = Buffer.from(
      'UEsDBBQAAAAIAAAAIQDjUT2NCgAAABcAAAAFAAAAYS50eHTLSM3JyVfIQCcBUEsDBBQAAAgAAAAAIQAL+UNWBgAAAAYAAAAK' +
        'AAAAZGlyL8O8LnR4dHN0b3JlZFBLAQIUAxQAAAAIAAAAIQDjUT2NCgAAABcAAAAFAAAAAAAAAAAAAACAAQAAAABhLnR4dFBL' +
        'AQIUAxQAAAgAAAAAIQAL+UNWBgAAAAYAAAAKAAAAAAAAAAAAAACAAS0AAABkaXIvw7wudHh0UEsFBgAAAAACAAIAawAAAFsA' +
        'AAAJAGEgY29tbWVudA==',
      'base64',
    )
    expect(readZip(archive).map(({ name, bytes }) => [name, bytes.toString()])).toEqual([
      ['a.txt', 'hello hello hello hello'],
      ['dir/ü.txt', 'stored'],
    ])
  })

  it('of vigil is read back as it was written', () => {
    const entries = [
      { name: 'ä/b.trace', bytes: Buffer.from('x'.repeat(100_000)) },
      { name: 'empty', bytes: Buffer.alloc(0) },
    ]
    expect(readZip(writeZip(entries))).toEqual(entries)
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['something else', Buffer.from('hello')],
    ['the half of one', writeZip([{ name: 'a', bytes: Buffer.from('b') }]).subarray(20)],
  ])('%s is refused', (_what, bytes) => {
    expect(() => readZip(bytes)).toThrow(/zip|range/i)
  })

  /** An archive of one entry with another uncompressed size in its headers. */
  const withSize = (bytes: Buffer, claimed: number): Buffer => {
    const archive = writeZip([{ name: 'a', bytes }])
    archive.writeUInt32LE(claimed, 22)
    archive.writeUInt32LE(claimed, archive.lastIndexOf('PK\u0001\u0002', undefined, 'latin1') + 24)
    return archive
  }

  it.each([
    [
      'a size over the limit',
      withSize(Buffer.alloc(1_000_000), 300 * 1024 * 1024),
      /at most 268435456 bytes/,
    ],
    ['an impossible ratio', withSize(Buffer.from('b'), 100_000), /impossible ratio/],
    [
      'too many entries',
      (() => {
        const archive = writeZip([{ name: 'a', bytes: Buffer.from('b') }])
        const end = archive.length - 22
        const entry = archive.subarray(archive.readUInt32LE(end + 16), end)
        const tail = Buffer.from(archive.subarray(end))
        const eocd64 = Buffer.alloc(56)
        eocd64.writeUInt32LE(0x06064b50, 0)
        eocd64.writeUInt32LE(70_000, 32)
        eocd64.writeUInt32LE(archive.readUInt32LE(end + 16), 48)
        const locator = Buffer.alloc(20)
        locator.writeUInt32LE(0x07064b50, 0)
        const before = Buffer.concat([
          archive.subarray(0, archive.readUInt32LE(end + 16)),
          ...Array.from({ length: 70_000 }, () => entry),
        ])
        locator.writeUInt32LE(before.length, 8)
        return Buffer.concat([before, eocd64, locator, tail])
      })(),
      /at most 65535 entries/,
    ],
  ])('with %s is refused', (_what, bytes, problem) => {
    expect(() => readZip(bytes)).toThrow(problem)
  })

  it('with a size below the real one gives no more than the claimed size', () => {
    expect(readZip(withSize(Buffer.alloc(1_000_000), 10)).map(({ bytes }) => bytes.length)).toEqual([10])
  })
})

describe('a trace', () => {
  const lines = [
    {
      type: 'context-options',
      version: 10,
      browserName: 'chromium',
      title: 'it',
      options: { httpCredentials: 'canary', extraHTTPHeaders: 'canary' },
    },
    {
      type: 'before',
      callId: '1',
      class: 'Frame',
      method: 'fill',
      params: { selector: '#p', value: 'canary' },
    },
    {
      type: 'before',
      callId: '2',
      class: 'Test',
      method: 'pw:api',
      title: 'Fill "canary" #p',
      params: { value: 'canary' },
      stack: [{ file: 'a.spec.ts', line: 3 }],
    },
    {
      type: 'before',
      callId: '3',
      class: 'APIRequestContext',
      method: 'fetch',
      params: { url: 'http://x/login', method: 'POST', headers: 'canary', jsonData: 'canary' },
    },
    { type: 'log', callId: '3', message: 'authorization: canary' },
    {
      type: 'after',
      callId: '3',
      result: { response: { status: 401, headers: 'canary', body: 'canary' } },
      attachments: 'canary',
      error: { message: 'Bearer canary', stack: 'canary' },
    },
    { type: 'console', messageType: 'error', text: 'failed with Bearer canary', args: ['canary'] },
    { type: 'frame-snapshot', snapshot: 'canary' },
    { type: 'something-new', payload: 'canary' },
  ]
  const archive = writeZip([
    { name: '0-trace.trace', bytes: Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n')) },
    { name: '0-trace.network', bytes: Buffer.from('canary') },
    { name: 'resources/abc.json', bytes: Buffer.from('canary') },
    { name: 'screencast/page-1.jpeg', bytes: Buffer.from([1]) },
  ])

  it('keeps the time and the result of each action, and no content', () => {
    const kept = redactTrace(archive, redact)
    const entries = readZip(kept.archive)
    expect(entries.map(({ name }) => name)).toEqual([
      '0-trace.trace',
      '0-trace.network',
      'screencast/page-1.jpeg',
    ])
    const text = entries.map(({ bytes }) => bytes.toString()).join('\n')
    expect(text).not.toContain('canary')
    expect(text).toContain('"url":"http://x/login","method":"POST"')
    expect(text).toContain('"status":401')
    expect(text).toContain('"line":3')
    expect(kept.console).toEqual(['error: failed with Bearer [redacted]'])
  })
})
