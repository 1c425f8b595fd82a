import { DrizzleQueryError } from 'drizzle-orm/errors'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../config/config.ts'
import { createRedactor } from './redaction.ts'

const line = (value: unknown): string => JSON.stringify({ level: 'error', value })
const redact = createRedactor({})

describe('a line', () => {
  test.each([
    ['a bearer', 'Authorization: Bearer abc.def-ghi_jkl'],
    ['basic credentials', 'proxy said Basic aGVsbG86aGVsbG8='],
    ['a JWT', 'token was eyJhbGciOiJIUzI1NiJ9.abcdef1234.abcdef1234'],
    ['a password in an address', 'connect postgres://todo:abcdef1234@db:5432/todo'],
    ['a password in a query', 'GET /x?password=abcdef1234&b=1'],
    ['a token in a query', 'GET /x?access_token=abcdef1234&b=1'],
    ['a field', { password: 'abcdef1234' }],
    ['a refresh token', { refreshToken: 'abcdef1234' }],
    ['a field in quoted JSON', JSON.stringify({ accessToken: 'abcdef1234', authorization: 'abcdef1234' })],
    ['a cookie', 'cookie: session=abcdef1234'],
    ['a header', { headers: { authorization: 'Bearer abcdef1234', 'set-cookie': 'abcdef1234' } }],
  ])('loses %s, and stays JSON', (_what, value) => {
    const safe = redact(line(value))
    expect(safe).not.toMatch(/abcdef1234|abc\.def|aGVsbG86/)
    expect(JSON.parse(safe)).toMatchObject({ level: 'error' })
  })

  test.each([
    'a wrong password',
    'the token is not valid',
    'access token expired',
    '/auth/refresh',
    'password authentication failed for user "todo"',
  ])('keeps %s', (text) => {
    expect(redact(line(text))).toBe(line(text))
  })

  test('loses what the configuration keeps secret, wherever it stands', () => {
    const env = {
      DATABASE_URL: 'postgres://u:p%40ssw0rd!@h/d',
      AUTH_SECRET: 'a-secret-of-"thirty-two"-characters',
      METRICS_TOKEN: 'metrics-canary-1',
      FAULTS_TOKEN: 'faults-canary-22',
      SERVER_TIMING: 'timing-canary-333',
    }
    const safe = createRedactor(readConfig(env))(line(`${Object.values(env).join(' ')} p@ssw0rd!`))
    expect(safe).not.toMatch(/ssw0rd|thirty-two|canary/)
    expect(JSON.parse(safe)).toMatchObject({ level: 'error' })
  })

  test('loses the values of a query that failed, and keeps the query and where it was made', () => {
    const error = new DrizzleQueryError(
      'insert into "users" values ($1, $2)',
      ['ada@example.com', 'a "hash"\n    of'],
      new Error('relation "users" does not exist'),
    )
    const safe = redact(line({ message: error.message, stack: error.stack }))
    expect(safe).not.toMatch(/ada@example|hash/)
    expect(safe).toMatch(/Failed query: insert into .*params: \[hidden\].*\\n {4}at /)
    expect(JSON.parse(safe)).toMatchObject({ level: 'error' })
  })

  test('cannot act on a terminal or a viewer', () => {
    const safe = redact(line('a\nb\u001b[2Jc\u009b2Jd\u2028e\u202ef\u007f'))
    // oxlint-disable-next-line no-control-regex -- it is these that are looked for
    expect(safe).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/)
    expect(JSON.parse(safe)).toMatchObject({ value: 'a\nb\u001b[2Jc\u009b2Jd\u2028e\u202ef\u007f' })
  })

  // What takes a tenth of a second would take minutes if each beginning were followed to the end.
  test.each(['password: ', '\\', 'Failed query: \nparams: ', 'eyJaaaaaa-', 'bearer ', '://a:', '"'])(
    'of a megabyte of %j is done in the time of a test',
    (part) => {
      const long = line(part.repeat(1_000_000 / part.length))
      expect(JSON.parse(redact(long))).toMatchObject({ level: 'error' })
    },
  )
})
