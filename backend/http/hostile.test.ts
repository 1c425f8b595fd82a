import {
  anything,
  assert,
  asyncProperty,
  constantFrom,
  jsonValue,
  oneof,
  string,
  uint8Array,
} from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../testing/index.ts'
import type { Client } from '../testing/index.ts'
import { useTestService } from '../testing/fixture.ts'

let user: Client

const running = useTestService()

beforeAll(async () => {
  user = (await running.client.register()).client
  // Jobs start a moment after the service is ready; until then imports are 503.
  await eventually(
    'imports are accepted',
    60_000,
    async () => (await user.send('POST', '/imports', [])).status === 202,
  )
})

const absent = '01900000-0000-7000-8000-000000000000'
const withBody = [
  ['POST', '/auth/register'],
  ['POST', '/auth/login'],
  ['POST', '/auth/refresh'],
  ['POST', '/tasks'],
  ['PATCH', `/tasks/${absent}`],
  ['POST', '/tasks/bulk'],
  ['POST', '/exports'],
  ['POST', '/imports'],
] as const

async function send(
  method: string,
  path: string,
  body: NonNullable<RequestInit['body']>,
  type = 'application/json',
) {
  const answer = await fetch(running.url + path, {
    method,
    body,
    headers: { authorization: `Bearer ${user.token ?? ''}`, 'content-type': type },
  })
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() }
}

// A file of rows is accepted as a file; what is wrong with its rows the job finds out.
const isRefusal = (path: string, status: number): boolean =>
  [400, 413, 415, 422].includes(status) || (path === '/imports' && status === 202)

describe('every operation with a body refuses', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  test.each([
    ['malformed JSON', '{"title":'],
    ['nothing', ''],
    ['bytes that are no UTF-8', new Uint8Array([0x22, 0xff, 0xfe, 0x22])],
    ['100,000 nested arrays', deep],
    ['100,000 nested objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    [
      '100,000 nested arrays in a field',
      `{"title":${deep},"format":${deep},"email":${deep},"create":${deep}}`,
    ],
    ['__proto__', '{"__proto__":{"isAdmin":true},"title":"x","constructor":{"prototype":{"x":1}}}'],
    ['a NUL', '{"title":"\\u0000","email":"\\u0000","format":"\\u0000"}'],
    ['a NUL as it is', '{"title":"\0"}'],
    ['a lone surrogate', '{"title":"\\ud800","refreshToken":"\\udc00","format":"\\ud800"}'],
    ['a number beyond all numbers', '{"title":1e400,"email":1e400,"format":-1e400}'],
    ['no object', '[]'],
    ['null', 'null'],
    ['a name twice', '{"title":1,"title":2,"email":1,"format":1}'],
  ])('%s', async (_what, body) => {
    for (const [method, path] of withBody) {
      const answer = await send(method, path, body)
      expect([path, answer.status, isRefusal(path, answer.status)]).toEqual([path, answer.status, true])
      if (answer.status !== 202) expect(answer.type).toBe('application/problem+json')
    }
  })

  test.each([
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/jsonx',
    '*/*',
  ])('a body of type %s', async (type) => {
    for (const [method, path] of withBody)
      expect([path, (await send(method, path, '{}', type)).status]).toEqual([path, 415])
  })
})

// `JSON.parse` of these would block the event loop for more than a second.
test.each([
  ['nested arrays', '['.repeat(4_000_000), 'The body has 4000000 levels, expected at most 32'],
  ['empty arrays', `[${'[],'.repeat(2_000_000)}[]]`, 'The body has 4000003 values, expected at most 50000'],
])('a body of millions of %s is refused before it is parsed', async (_what, body, detail) => {
  const { status, text } = await send('POST', '/tasks/bulk', body)
  expect([status, JSON.parse(text)]).toMatchObject([422, { detail }])
})

test('no prototype was changed by any of that', () => {
  expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false)
})

test('no input causes an internal error, and every refusal is a problem document', async () => {
  const target = oneof(
    constantFrom(...withBody),
    constantFrom(
      ['GET', '/tasks'] as const,
      ['GET', `/tasks/${absent}`] as const,
      ['DELETE', `/tasks/${absent}`] as const,
    ),
  )
  const value = oneof(
    jsonValue().map((json) => JSON.stringify(json)),
    anything({ withBigInt: false }).map((one) => JSON.stringify(one) ?? ''),
    uint8Array({ maxLength: 200 }),
  )
  const suffix = oneof(
    constantFrom('', ''),
    string({ unit: 'binary', maxLength: 20 }).map((text) => `?q=${encodeURIComponent(text.toWellFormed())}`),
    string({ maxLength: 20 }).map((text) => `?${text.replaceAll(/[#\s]/g, '')}`),
  )
  await assert(
    asyncProperty(
      target,
      suffix,
      value,
      constantFrom('application/json', 'text/csv'),
      async ([method, path], query, body, type) => {
        const payload = typeof body === 'string' ? body : new Uint8Array(body)
        const answer =
          method === 'GET' || method === 'DELETE'
            ? await user
                .send(method, path + query)
                .then(({ status, headers }) => ({ status, type: headers.get('content-type') }))
            : await send(method, path + query, payload, type)
        expect(answer.status).toBeLessThan(500)
        if (answer.status >= 400) expect(answer.type).toBe('application/problem+json')
      },
    ),
    { numRuns: 300 },
  )
})
