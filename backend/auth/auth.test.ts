import { randomUUID } from 'node:crypto'
import { decodeJwt, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { parseSession } from '../testing/index.ts'
import { useTestService } from '../testing/fixture.ts'
import { AccessTokens } from './tokens.ts'

// Long enough for every algorithm of the family.
const secret = 'a secret that only this test and its service know, of at least 64 bytes'

const running = useTestService({ AUTH_SECRET: secret })

const refresh = (refreshToken: string) => running.client.send('POST', '/auth/refresh', { refreshToken })
const signed = (payload: Record<string, unknown>, key = secret, alg = 'HS256', typ = 'at+jwt') =>
  new SignJWT(payload).setProtectedHeader({ alg, typ }).sign(new TextEncoder().encode(key))
const withoutRequestId = (text: string) => text.replace(/"requestId":"[0-9a-f]+"/, '')
const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
const login = (email: string, password: string) =>
  running.client.send('POST', '/auth/login', { email, password })

describe('registering', () => {
  test('gives the user, tokens and their lifetime, and never the password', async () => {
    const email = `${randomUUID()}@example.com`
    const answer = await running.client.send('POST', '/auth/register', { email, password: 'hunter2hunter2' })
    expect(answer.status).toBe(201)
    expect(answer.json).toMatchObject({ user: { email }, expiresIn: 900 })
    expect(answer.text).not.toMatch(/hunter2|argon/)
  })

  test('a taken email is 409, in whatever case', async () => {
    const { session, password } = await running.client.register()
    expect(
      (
        await running.client.send('POST', '/auth/register', {
          email: session.user.email.toUpperCase(),
          password,
        })
      ).status,
    ).toBe(409)
  })

  test.each([
    ['a short password', { email: 'a@example.com', password: 'short' }],
    ['no email', { password: 'hunter2hunter2' }],
    ['an email without a domain', { email: 'a@b', password: 'hunter2hunter2' }],
    ['a role', { email: 'a@example.com', password: 'hunter2hunter2', role: 'admin' }],
  ])('refuses %s with 422', async (_what, body) => {
    expect((await running.client.send('POST', '/auth/register', body)).status).toBe(422)
  })
})

describe('logging in', () => {
  test('works with the password, and the new token opens the account', async () => {
    const { session, password } = await running.client.register()
    const answer = await login(session.user.email, password)
    expect(answer.status).toBe(200)
    expect((await running.client.as(parseSession(answer).accessToken).get('/auth/me')).json).toMatchObject({
      id: session.user.id,
    })
  })

  test('a wrong password and an unknown account get the same answer', async () => {
    const { session } = await running.client.register()
    const wrong = await login(session.user.email, 'not the password')
    const unknown = await login(`${randomUUID()}@example.com`, 'not the password')
    expect([wrong.status, unknown.status]).toEqual([401, 401])
    expect(withoutRequestId(wrong.text)).toBe(withoutRequestId(unknown.text))
  })

  test.each([
    ['an account', true],
    ['a name without an account', false],
  ])('five failures lock %s for 15 minutes, also for the right password', async (_what, exists) => {
    const { session, password } = await running.client.register()
    const email = exists ? session.user.email : `${randomUUID()}@example.com`
    for (let attempt = 0; attempt < 5; attempt += 1)
      expect((await login(email, 'not the password')).status).toBe(401)
    const locked = await login(email, password)
    expect(locked.status).toBe(423)
    expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(890)
  })

  test('four failures and a success reset the count', async () => {
    const { session, password } = await running.client.register()
    for (let round = 0; round < 2; round += 1) {
      for (let attempt = 0; attempt < 4; attempt += 1) await login(session.user.email, 'not the password')
      expect((await login(session.user.email, password)).status).toBe(200)
    }
  })

  test('simultaneous guesses do not bypass the lockout', async () => {
    const { session } = await running.client.register()
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => login(session.user.email, 'not the password')),
    )
    const tried = answers.filter((answer) => answer.status === 401).length
    // Those that were being checked when the fifth failed may still finish.
    expect(tried).toBeLessThanOrEqual(5 + 4)
    expect(answers.every((answer) => answer.status === 401 || answer.status === 423)).toBe(true)
  })
})

describe('refresh tokens', () => {
  test('work once and give new tokens', async () => {
    const { session } = await running.client.register()
    const next = parseSession(await refresh(session.refreshToken))
    expect(next.refreshToken).not.toBe(session.refreshToken)
    expect((await running.client.as(next.accessToken).get('/auth/me')).status).toBe(200)
    expect((await refresh(next.refreshToken)).status).toBe(200)
  })

  test('used a second time revokes the whole family, and its access tokens', async () => {
    const { session } = await running.client.register()
    const next = parseSession(await refresh(session.refreshToken))
    expect((await refresh(session.refreshToken)).status).toBe(401)
    expect((await refresh(next.refreshToken)).status).toBe(401)
    expect((await running.client.as(next.accessToken).get('/auth/me')).status).toBe(401)
  })

  test('of many simultaneous uses at most one succeeds', async () => {
    const { session } = await running.client.register()
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(session.refreshToken)))
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1)
  })

  test('of a session that was logged out are refused', async () => {
    const { session, client } = await running.client.register()
    expect((await client.send('POST', '/auth/logout')).status).toBe(204)
    expect((await refresh(session.refreshToken)).status).toBe(401)
    expect((await client.get('/auth/me')).status).toBe(401)
  })

  test('that never were are refused', async () => {
    expect((await refresh('made up')).status).toBe(401)
  })
})

describe('access tokens', () => {
  const common = { iss: 'todo-backend', aud: 'todo-api', iat: 1, exp: 4_000_000_000 }
  type Claims = typeof common & { sub: string; sid: unknown }

  test.each<[string, (claims: Claims) => Promise<string> | undefined]>([
    ['absent', () => undefined],
    ['not a token', () => Promise.resolve('abc')],
    [
      'unsigned, with alg none',
      (claims) => Promise.resolve(`${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(claims)}.`),
    ],
    ['of another key', (claims) => signed(claims, 'another secret, just as long as ours')],
    ['of another algorithm', (claims) => signed(claims, secret, 'HS512')],
    ['of another issuer', (claims) => signed({ ...claims, iss: 'else' })],
    ['for another audience', (claims) => signed({ ...claims, aud: 'else' })],
    ['of another kind', (claims) => signed(claims, secret, 'HS256', 'JWT')],
    ['expired', (claims) => signed({ ...claims, exp: 1000 })],
    ['without an expiry', (claims) => signed({ ...claims, exp: undefined })],
    ['of no account', (claims) => signed({ ...claims, sub: '01900000-0000-7000-8000-000000000000' })],
    ['of something that is no account', (claims) => signed({ ...claims, sub: 'root' })],
    ['of no session', (claims) => signed({ ...claims, sid: '01900000-0000-7000-8000-000000000000' })],
  ])('%s: 401 with WWW-Authenticate', async (_what, make) => {
    const { session } = await running.client.register()
    const { sid } = decodeJwt(session.accessToken)
    const token = await make({ ...common, sid, sub: session.user.id })
    const answer = await (token === undefined ? running.client : running.client.as(token)).get('/tasks')
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })

  test('a token as we sign it is accepted: the table above fails for the reason it names', async () => {
    const { session } = await running.client.register()
    const { sid } = decodeJwt(session.accessToken)
    const token = await signed({ ...common, sid, sub: session.user.id })
    expect((await running.client.as(token).get('/tasks')).status).toBe(200)
  })
})

describe('the account of a known token', () => {
  let nowMs = 1_800_000_000_000
  let asked = 0
  let answer: () => Promise<boolean> = () => Promise.resolve(true)
  const tokens = new AccessTokens(
    secret,
    () => nowMs,
    () => {
      asked += 1
      return answer()
    },
  )
  const principal = { userId: 'user', sessionId: 'session' }
  const waits = () => new Promise((resolve) => setImmediate(resolve))

  test('is asked for again every 30 s, and no request waits for the answer', async () => {
    const bearer = `Bearer ${await tokens.issue(principal)}`
    nowMs += 30_000
    expect([tokens.authenticate(bearer), asked]).toEqual([principal, 0])
    nowMs += 1
    answer = () => Promise.reject(new Error('the database is down'))
    expect([tokens.authenticate(bearer), asked]).toEqual([principal, 1])
    await waits()
    // Unknown is not deleted, and is asked again later.
    expect([tokens.authenticate(bearer), asked]).toEqual([principal, 1])
    nowMs += 30_001
    answer = () => Promise.resolve(false)
    expect([tokens.authenticate(bearer), asked]).toEqual([principal, 2])
    await waits()
    expect(() => tokens.authenticate(bearer)).toThrow('access token revoked')
  })
})

describe('deleting the account', () => {
  test('takes its tasks and tokens with it, and frees the email', async () => {
    const { client, session, password } = await running.client.register()
    await client.send('POST', '/tasks', { title: 'x' })
    expect((await client.send('DELETE', '/auth/me')).status).toBe(204)
    expect((await client.get('/tasks')).status).toBe(401)
    expect((await login(session.user.email, password)).status).toBe(401)
    expect(
      (await running.client.send('POST', '/auth/refresh', { refreshToken: session.refreshToken })).status,
    ).toBe(401)
    const again = await running.client.send('POST', '/auth/register', { email: session.user.email, password })
    expect((await running.client.as(parseSession(again).accessToken).get('/tasks')).json).toEqual({
      items: [],
      nextCursor: null,
    })
  })
})
