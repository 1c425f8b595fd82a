import sqlClient from 'postgres'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Client, eventually, startTestPostgres, startTestService } from '../testing/index.ts'
import type { TestPostgres, TestService } from '../testing/index.ts'

let postgres: TestPostgres
let url: string
let one: TestService
let other: TestService
let admin: sqlClient.Sql

beforeAll(async () => {
  postgres = await startTestPostgres()
  url = await postgres.newDatabase()
  one = await startTestService(url, { SERVER_TIMING: 'on' })
  other = await startTestService(url, { SERVER_TIMING: 'on' })
  admin = sqlClient(url, { max: 1, onnotice: () => undefined })
})

afterAll(async () => {
  await Promise.all([one.stop(), other.stop(), admin.end({ timeout: 1 })])
  await postgres.close()
})

/** Within about a second; much less than the half minute after which a session is checked again anyway. */
const soonMs = 20_000

/** Reads until the answer comes from the cache: without a statement. */
async function warm(client: Client): Promise<void> {
  await eventually(
    'the page is in the cache',
    60_000,
    async () => (await client.get('/tasks')).headers.get('server-timing')?.includes('sql;desc="0"') ?? false,
  )
}

/** A new user's clients of both instances. */
async function userOfBoth(): Promise<[here: Client, there: Client]> {
  const { session } = await one.client.register()
  return [new Client(one.url, session.accessToken), new Client(other.url, session.accessToken)]
}

describe('two instances with caches', () => {
  test('serve a page from memory, and after a write the new one: immediately here, soon there', async () => {
    const [here, there] = await userOfBoth()
    for (const title of ['first', 'second', 'third']) {
      await Promise.all([warm(here), warm(there)])
      expect((await here.send('POST', '/tasks', { title })).status).toBe(201)
      expect((await here.get('/tasks')).text).toContain(title)
      await eventually('the other instance reads it', soonMs, async () =>
        (await there.get('/tasks')).text.includes(title),
      )
    }
  })

  test('refuse the tokens of a session that was logged out before they started', async () => {
    const { session } = await one.client.register()
    await new Client(one.url, session.accessToken).send('POST', '/auth/logout')
    const third = await startTestService(url)
    onTestFinished(() => third.stop())
    expect((await new Client(third.url, session.accessToken).get('/tasks')).status).toBe(401)
  })

  /** Every kind of request that needs a token; all must refuse it. */
  async function statusesOf(client: Client): Promise<number[]> {
    const answers = await Promise.all([
      client.get('/tasks'),
      client.get('/auth/me'),
      client.send('POST', '/tasks', { title: 'after the end' }),
      client.send('POST', '/tasks/bulk', { create: [{ title: 'after the end' }] }),
      client.send('POST', '/exports', { format: 'json' }),
      client.send('POST', '/auth/logout'),
    ])
    return answers.map(({ status }) => status)
  }
  const refused = Array.from({ length: 6 }, () => 401)

  test.each<[string, (client: Client, userId: string) => Promise<unknown>]>([
    ['deleted its account', async (client) => client.send('DELETE', '/auth/me')],
    ['was deleted in the database', async (_, userId) => admin`delete from users where id = ${userId}`],
    [
      'was logged out 10 minutes ago',
      async (_, userId) =>
        admin`update sessions set revoked_at = now() - interval '10 minutes' where user_id = ${userId}`,
    ],
  ])('refuse, after a restart, the tokens of a user who %s', async (_, end) => {
    const { session } = await one.client.register()
    await end(new Client(one.url, session.accessToken), session.user.id)
    const restarted = await startTestService(url)
    onTestFinished(() => restarted.stop())
    expect(await statusesOf(new Client(restarted.url, session.accessToken))).toEqual(refused)
  })

  test('accept the tokens of the other, and ask the database about each once', async () => {
    const [here, there] = await userOfBoth()
    const checks = async (at: Client): Promise<number> =>
      Number(
        /^db_query_duration_seconds_count\{query="sessions.account"\} (\d+)/m.exec(
          (await at.get('/metrics')).text,
        )?.[1] ?? 0,
      )
    const [checkedHere, checkedThere] = [await checks(here), await checks(there)]
    for (const client of [here, there, here, there])
      expect((await client.get('/auth/me')).headers.get('server-timing')).toContain('sql;desc="1"')
    expect([await checks(here), await checks(there)]).toEqual([checkedHere, checkedThere + 1])
  })

  test('refuse the tokens of an account that was deleted at the other', async () => {
    const [here, there] = await userOfBoth()
    expect((await there.get('/auth/me')).status).toBe(200)
    expect((await here.send('DELETE', '/auth/me')).status).toBe(204)
    await eventually(
      'the other instance has read it',
      soonMs,
      async () => (await there.get('/tasks')).status === 401,
    )
    expect(await statusesOf(there)).toEqual(refused)
  })

  test('answer 401, not 500, to a write of an account that is deleted at that moment', async () => {
    const { session } = await one.client.register()
    const client = new Client(one.url, session.accessToken)
    expect((await client.get('/tasks')).status).toBe(200)
    // The token is known and was checked a moment ago.
    await admin`delete from users where id = ${session.user.id}`
    for (const [path, body] of [
      ['/tasks', { title: 'late' }],
      ['/exports', { format: 'csv' }],
    ] as const)
      expect((await client.send('POST', path, body)).status).toBe(401)
  })

  test('refuse the tokens of a session that was logged out at the other', async () => {
    const [here, there] = await userOfBoth()
    expect((await there.get('/auth/me')).status).toBe(200)
    await here.send('POST', '/auth/logout')
    await eventually(
      'the other instance has read it',
      soonMs,
      async () => (await there.get('/tasks')).status === 401,
    )
  })

  test('count failed logins by window: those of an earlier one do not lock the account', async () => {
    const { session } = await one.client.register()
    const fail = async (times: number): Promise<number[]> => {
      const statuses = []
      for (let index = 0; index < times; index += 1) {
        const body = { email: session.user.email, password: 'not the password' }
        statuses.push((await [one, other][index % 2]?.client.send('POST', '/auth/login', body))?.status ?? 0)
      }
      return statuses
    }
    expect(await fail(4)).toEqual([401, 401, 401, 401])
    await admin`update login_failures set window_ends_at = now() - interval '1 minute'`
    expect(await fail(6)).toEqual([401, 401, 401, 401, 401, 423])
  })

  test('count hits and misses', async () => {
    const { text } = await one.client.get('/metrics')
    expect(text).toMatch(/^cache_requests_total\{cache="tasks_page",result="hit"\} [1-9]/m)
    expect(text).toMatch(/^cache_requests_total\{cache="tasks_page",result="miss"\} [1-9]/m)
  })
})
