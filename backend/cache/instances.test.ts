import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Client, eventually, startTestPostgres, startTestService, type TestPostgres, type TestService } from '../testing/index.ts'

let postgres: TestPostgres
let one: TestService
let other: TestService

beforeAll(async () => {
  postgres = await startTestPostgres()
  const url = await postgres.newDatabase()
  one = await startTestService(url, { SERVER_TIMING: 'on' })
  other = await startTestService(url, { SERVER_TIMING: 'on' })
})

afterAll(async () => {
  await Promise.all([one.stop(), other.stop()])
  await postgres.close()
})

/** Reads until the answer comes from the cache: without a statement. */
async function warm(client: Client): Promise<void> {
  await eventually('the page is in the cache', 5000, async () => (await client.get('/tasks')).headers.get('server-timing')?.includes('sql;desc="0"') ?? false)
}

describe('two instances with caches', () => {
  test('serve a page from memory, and after a write the new one: at once here, soon there', async () => {
    const { session } = await one.client.register()
    const [here, there] = [new Client(one.url, session.accessToken), new Client(other.url, session.accessToken)]
    await Promise.all([warm(here), warm(there)])
    expect((await here.send('POST', '/tasks', { title: 'new' })).status).toBe(201)
    expect((await here.get('/tasks')).json).toMatchObject({ items: [{ title: 'new' }] })
    await eventually('the other instance has heard of it', 3000, async () => (await there.get('/tasks')).text.includes('new'))
  })

  test('refuse the tokens of a session that was logged out at the other', async () => {
    const { session } = await one.client.register()
    const [here, there] = [new Client(one.url, session.accessToken), new Client(other.url, session.accessToken)]
    expect((await there.get('/auth/me')).status).toBe(200)
    await here.send('POST', '/auth/logout')
    await eventually('the other instance has heard of it', 3000, async () => (await there.get('/tasks')).status === 401)
  })

  test('count hits and misses', async () => {
    const { text } = await one.client.get('/metrics')
    expect(text).toMatch(/^cache_requests_total\{cache="tasks_page",result="hit"\} [1-9]/m)
    expect(text).toMatch(/^cache_requests_total\{cache="tasks_page",result="miss"\} [1-9]/m)
  })
})
