import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Client, eventually, startTestPostgres, startTestService } from '../testing/index.ts'
import type { Answer, TestPostgres } from '../testing/index.ts'

let postgres: TestPostgres

beforeAll(async () => {
  postgres = await startTestPostgres()
})

afterAll(() => postgres.close())

async function start(url: string, env: Record<string, string>) {
  const running = await startTestService(url, { CACHE_ENTRIES: '0', ...env })
  onTestFinished(() => running.stop())
  return running
}

const refreshFrom = (client: Client, index: number, seen = `10.1.0.${index}`) =>
  client.send(
    'POST',
    '/auth/refresh',
    { refreshToken: 'x' },
    { 'x-forwarded-for': `10.0.0.${index}, ${seen}` },
  )
const admitted = (answers: readonly Answer[]): number =>
  answers.filter((answer) => answer.status === 200).length

describe('the limit of a user', () => {
  test.each([5, 40, 100])(
    'of %i a minute admits exactly that many, and refuses the others with 429 and Retry-After',
    async (limit) => {
      const running = await start(await postgres.newDatabase(), { RATE_LIMIT_PER_MINUTE: String(limit) })
      const user = (await running.client.register()).client
      const answers = await Promise.all(Array.from({ length: limit + 30 }, () => user.get('/tasks')))
      expect(admitted(answers)).toBe(limit)
      const refused = answers.find((answer) => answer.status === 429)
      expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(50)
      expect(refused?.headers.get('ratelimit')).toMatch(/^"user";r=0;t=\d+$/)
      expect(refused?.headers.get('content-type')).toBe('application/problem+json')
    },
  )

  test('is shown in every answer', async () => {
    const running = await start(await postgres.newDatabase(), { RATE_LIMIT_PER_MINUTE: '50' })
    const user = (await running.client.register()).client
    const left = []
    for (let request = 0; request < 12; request += 1)
      left.push((await user.get('/tasks')).headers.get('ratelimit')?.replace(/;t=\d+$/, ''))
    expect(left).toEqual(Array.from({ length: 12 }, (_, index) => `"user";r=${49 - index}`))
    expect((await user.get('/tasks')).headers.get('ratelimit-policy')).toBe('"user";q=50;w=60')
  })

  test('of one is not that of another', async () => {
    const running = await start(await postgres.newDatabase(), { RATE_LIMIT_PER_MINUTE: '3' })
    const [one, other] = [(await running.client.register()).client, (await running.client.register()).client]
    expect(admitted(await Promise.all(Array.from({ length: 6 }, () => one.get('/tasks'))))).toBe(3)
    expect(admitted(await Promise.all(Array.from({ length: 6 }, () => other.get('/tasks'))))).toBe(3)
  })

  test('is one for two instances on one database', async () => {
    const url = await postgres.newDatabase()
    const [one, other] = [
      await start(url, { RATE_LIMIT_PER_MINUTE: '100' }),
      await start(url, { RATE_LIMIT_PER_MINUTE: '100' }),
    ]
    const token = (await one.client.register()).session.accessToken
    const callers = [new Client(one.url, token), new Client(other.url, token)]
    const burst = async (count: number): Promise<number> =>
      admitted(
        await Promise.all(
          Array.from(
            { length: count },
            (_, index) => callers[index % 2]?.get('/tasks') ?? Promise.reject(new Error('no caller')),
          ),
        ),
      )
    let total = await burst(150)
    expect(total).toBeLessThanOrEqual(100)
    // What one instance took and did not use comes back to the other.
    await eventually('the whole limit was given', 60_000, async () => (total += await burst(2)) >= 100)
    expect(total + (await burst(20))).toBe(100)
  })
})

test('what another instance acquired and does not use comes back', async () => {
  const url = await postgres.newDatabase()
  const env = { RATE_LIMIT_PER_MINUTE: '100' }
  const [one, other] = [await start(url, env), await start(url, env)]
  const token = (await one.client.register()).session.accessToken
  const [here, there] = [new Client(one.url, token), new Client(other.url, token)]
  const send = async (client: Client, count: number): Promise<number> =>
    admitted(await Promise.all(Array.from({ length: count }, () => client.get('/tasks'))))
  // Of the 40 that are left, the other instance acquires two, and uses one.
  let total = (await send(here, 60)) + (await send(there, 1))
  await eventually('the whole limit was given', 60_000, async () => (total += await send(here, 10)) >= 100)
  expect(total).toBe(100)
})

describe('the limit of an address', () => {
  test('holds for logins and registrations together', async () => {
    const running = await start(await postgres.newDatabase(), { AUTH_RATE_LIMIT_PER_MINUTE: '6' })
    const login = () =>
      running.client.send('POST', '/auth/login', { email: 'unknown@example.com', password: 'wrong password' })
    const answers = []
    for (let attempt = 0; attempt < 9; attempt += 1) answers.push((await login()).status)
    expect(answers).toEqual([401, 401, 401, 401, 401, 423, 429, 429, 429])
  })

  test('cannot be reset with X-Forwarded-For, unless a proxy is trusted', async () => {
    const url = await postgres.newDatabase()
    const direct = await start(url, { AUTH_RATE_LIMIT_PER_MINUTE: '3' })
    const statuses = []
    for (let index = 0; index < 5; index += 1) statuses.push((await refreshFrom(direct.client, index)).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
    const proxied = await start(url, { AUTH_RATE_LIMIT_PER_MINUTE: '3', TRUST_PROXY: '1' })
    for (let index = 0; index < 5; index += 1)
      expect((await refreshFrom(proxied.client, index)).status).toBe(401)
    // What the caller wrote changes, what the proxy saw does not.
    const behind = []
    for (let index = 0; index < 5; index += 1)
      behind.push((await refreshFrom(proxied.client, index, '10.2.0.1')).status)
    expect(behind).toEqual([401, 401, 401, 429, 429])
  })
})

test('metrics show the limits, their utilization and the refusals', async () => {
  const running = await start(await postgres.newDatabase(), { RATE_LIMIT_PER_MINUTE: '10' })
  const user = (await running.client.register()).client
  for (let request = 0; request < 12; request += 1) await user.get('/tasks')
  const { text } = await running.client.get('/metrics')
  expect(text).toContain('rate_limit_config_info{policy="user",limit="10",window="60s"} 1')
  expect(text).toContain('rate_limit_utilization_ratio{policy="user"} 1')
  expect(text).toContain('rate_limit_hits_total{policy="user"} 2')
})
