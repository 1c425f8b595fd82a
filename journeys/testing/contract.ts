/* What the journeys of the contract test send, written out manually: the contract. */

export const encodings = ['gzip', 'br', 'zstd', 'deflate', 'deflate, gzip', 'unknown', 'bom', 'gzip-bom']

/** A request as the service saw it. */
export interface Arrived {
  method: string
  path: string
  headers: Record<string, string | undefined>
  body: string
}

/** Of an engine's own headers nothing matters but what a service could act on. */
export const headersThatMatter = 'authorization content-type content-length if-match cookie user-agent'.split(
  ' ',
)

export const secrets = { API_KEY: 'a secret of the environment' }

/** What one iteration sends, written out manually: the contract. */
export const expected: Record<string, { before?: Arrived[]; steps: Arrived[]; after?: Arrived[] }> = {
  encoded: {
    steps: [
      sent('HEAD', '/base/encoded/gzip'),
      ...encodings.map((name) => sent('GET', `/base/encoded/${encodeURIComponent(name)}`)),
      sent('GET', '/base/after-encoded'),
    ],
  },
  bodies: {
    steps: [
      sent(
        'POST',
        '/base/things',
        { authorization: 'Bearer t', 'content-type': 'application/json' },
        '{"text":"ä \u2028 \\"","n":1.5,"list":[null]}',
      ),
      sent(
        'PATCH',
        '/base/things/id-1',
        { 'if-match': '"7"', 'content-type': 'application/json' },
        '{"id":"id-1"}',
      ),
      sent('PUT', '/base/raw', { 'user-agent': 'me', 'content-type': 'text/csv' }, 'a,ü\n"1"'),
      sent('DELETE', '/base/things/id-1'),
    ],
  },
  forms: {
    steps: [
      sent(
        'POST',
        '/base/form',
        { 'content-type': 'application/x-www-form-urlencoded' },
        'name=%C3%A4+b%26c%3D%27%7E&list=1&list=true',
      ),
      sent(
        'POST',
        '/base/upload',
        { 'content-type': 'multipart/form-data; boundary=BOUNDARY' },
        '--BOUNDARY\r\ncontent-disposition: form-data; name="title"\r\n\r\nü\r\n--BOUNDARY\r\n' +
          'content-disposition: form-data; name="file"; filename="a%22.csv"\r\ncontent-type: text/csv\r\n' +
          '\r\na,b\r\n--BOUNDARY--\r\n',
      ),
      sent(
        'POST',
        '/base/upload/bytes',
        { 'content-type': 'multipart/form-data; boundary=BOUNDARY' },
        '--BOUNDARY\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n' +
          'content-type: application/octet-stream\r\n\r\n\xff\0\xfe\x80\r\n--BOUNDARY--\r\n',
      ),
    ],
  },
  cookies: {
    steps: [
      sent('GET', '/base/cookies'),
      sent('GET', '/base/after-cookies', { cookie: 'keep=2; session=a=b; theme="dark, blue"' }),
    ],
  },
  paths: {
    steps: [
      sent('GET', '/base/search?q=a%20b&c=d'),
      sent('GET', '/base/%C3%BC/%E2%98%83?x=%C3%BC%20y'),
      sent('GET', '/base/relative'),
    ],
  },
  'ends-early': { steps: [sent('GET', '/base/before-500'), sent('GET', '/base/status/500')] },
  'check-fails': { steps: [sent('GET', '/base/checked')] },
  'no-redirect': { steps: [sent('GET', '/base/redirect'), sent('GET', '/base/after-redirect')] },
  'any-2xx': {
    steps: [sent('GET', '/base/status/201'), sent('GET', '/base/status/299'), sent('GET', '/base/after-2xx')],
  },
  'one-of': { steps: [sent('GET', '/base/status/410'), sent('GET', '/base/after-one-of')] },
  'only-201': { steps: [sent('GET', '/base/status/200')] },
  'checked-500': { steps: [sent('GET', '/base/checked/500')] },
  'checked-302': { steps: [sent('GET', '/base/checked/302')] },
  'listed-and-checked': { steps: [sent('GET', '/base/listed/404')] },
  'no-cookies': { steps: [sent('GET', '/base/cookie'), sent('GET', '/base/after-cookie')] },
  secret: {
    before: [sent('POST', '/base/keyed', { authorization: `Key ${secrets.API_KEY}` })],
    steps: [sent('PUT', '/base/keyed', { authorization: `Key ${secrets.API_KEY}` })],
    after: [sent('PATCH', '/base/keyed', { authorization: `Key ${secrets.API_KEY}` })],
  },
  prepared: {
    before: [sent('POST', '/base/login', { 'content-type': 'application/json' }, '{"user":0}')],
    steps: [sent('GET', '/base/uses', { authorization: 'id-1' })],
    after: [sent('DELETE', '/base/login', { authorization: 'id-1' })],
  },
}

function sent(method: string, path: string, headers: Record<string, string> = {}, body = ''): Arrived {
  const length = body === '' ? undefined : String(Buffer.byteLength(body))
  return {
    method,
    path,
    headers: {
      ...Object.fromEntries(headersThatMatter.map((name) => [name, undefined])),
      'user-agent': 'vigil',
      ...headers,
      'content-length': length,
    },
    body,
  }
}
