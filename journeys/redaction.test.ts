import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { createRedactor, createValueRedactor, findSecrets, redactProblem } from './index.ts'

const secret = 's3cr3t/Wörd "of" user&co'
const base64 = (text: string): string => Buffer.from(text).toString('base64')

describe('a secret is removed', () => {
  const redact = createValueRedactor([secret])
  it.each([
    ['as it is', `got ${secret}, expected`],
    ['in JSON', JSON.stringify({ key: secret })],
    ['in JSON within JSON', JSON.stringify({ body: JSON.stringify({ key: secret }) })],
    ['in ASCII JSON', '{"key":"s3cr3t/W\\u00f6rd \\"of\\" user&co"}'],
    ['in a URL', `http://h/?key=${encodeURIComponent(secret)}&a=1`],
    [
      'in a URL in lower case',
      `http://h/?key=${encodeURIComponent(secret).replaceAll(/%\w\w/g, (code) => code.toLowerCase())}`,
    ],
    ['in a form', `key=${encodeURIComponent(secret).replaceAll('%20', '+')}`],
    ['in HTML', '<p>s3cr3t/Wörd &quot;of&quot; user&amp;co</p>'],
    ['in base64', `Basic ${base64(secret)}`],
    ['in base64 of user:password', `auth ${base64(`u:${secret}`)} ${base64(`me:${secret}`)}`],
    ['in base64 between others', `x ${base64(`user:${secret}:more`)}`],
    ['in base64url', `x ${Buffer.from(`ab${secret}`).toString('base64url')}`],
    ['cut at the end', `got ${secret.slice(0, 6)}`],
    ['cut before an ellipsis', `got ${secret.slice(0, 5)}… (trace 1)`],
    ['cut within a sentence', `got "${secret.slice(0, 14)}", expected`],
    ['without its beginning', `got …${secret.slice(8)}", expected`],
  ])('%s', (_how, text) => {
    const redacted = redact(text)
    expect(redacted).toContain('[redacted]')
    expect(redacted).not.toContain(secret.slice(0, 4))
    expect(redacted).not.toContain(secret.slice(-6))
    expect(redacted).not.toContain(base64(secret).slice(4, 12))
  })

  it('with line breaks, also on one line, and with marks that only some encode', () => {
    const hide = createValueRedactor(['-----BEGIN KEY-----\nMIIabc\n', "it's (a) *secret*~!"])
    expect(createValueRedactor(['    ', ''])('a b')).toBe('a b')
    expect(hide('x -----BEGIN KEY----- MIIabc y')).toBe('x [redacted] y')
    const form = new URLSearchParams({ a: "it's (a) *secret*~!" }).toString()
    expect(hide(form)).toBe('a=[redacted]')
    expect(hide('/it%27s%20%28a%29%20%2Asecret%2A~%21')).toBe('/[redacted]')
  })

  it('whatever it is and whatever surrounds it', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 12 })
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 8, maxLength: 30 }),
        texts,
        texts,
        (value, before, after) => {
          fc.pre(!'[redacted]'.includes(value.slice(0, 4)))
          const hide = createValueRedactor([value])
          const encode = (text: string): string => Buffer.from(text).toString('base64')
          for (const form of [
            value,
            JSON.stringify(value).slice(1, -1),
            encodeURIComponent(value.toWellFormed()),
          ])
            expect(hide(`${before}${form}${after}`)).not.toContain(form)
          expect(hide(`${encode(`${before}${value}${after}`)} `)).toContain('[redacted] ')
        },
      ),
    )
  })

  it('and nothing else is', () => {
    for (const text of ['s3cr is short', 'user&c', 'status 500, expected 2xx', '', '…'])
      expect(redact(text)).toBe(text)
  })
})

it('a program can still read what values were removed from', () => {
  const text = JSON.stringify({ a: `x${secret}y`, tokens: 5, 'token:': 'a b' })
  expect(JSON.parse(createValueRedactor([secret])(text))).toEqual({
    a: 'x[redacted]y',
    tokens: 5,
    'token:': 'a b',
  })
})

it('credentials are found by the names of headers and variables, with their parts', () => {
  expect(
    findSecrets({
      authorization: `Basic ${base64('me:pass word')}`,
      cookie: 'session=abcdefgh; theme=dark',
      'x-api-key': 'key-12345',
      accept: 'application/json',
      PATH: '/usr/local/bin',
      token: 'short',
    }).toSorted(),
  ).toEqual(
    [
      `Basic ${base64('me:pass word')}`,
      base64('me:pass word'),
      'me:pass word',
      'pass word',
      'session=abcdefgh; theme=dark',
      'abcdefgh',
      'key-12345',
      'key-12345',
    ].toSorted(),
  )
})

it.each([
  ['sent authorization: Bearer abc.def, again', 'sent authorization: Bearer [redacted], again'],
  ['"cookie":"a=12345678"', '"cookie":"[redacted]"'],
  ['at http://me:hunter22@db/x', 'at http://[redacted]@db/x'],
])('what has the form of a secret is removed: %s', (text, expected) => {
  expect(createRedactor([])(text)).toBe(expected)
  expect(createRedactor([])(expected)).toBe(expected)
})

it('a problem keeps nothing of what its request carried', () => {
  const headers = { authorization: 'Bearer opaque-token-1', 'x-trace': 'kept' }
  expect(redactProblem('you sent opaque-token-1 and k-1234, kept', { KEY: 'k-1234' }, headers)).toBe(
    'you sent [redacted] and [redacted], kept',
  )
})
