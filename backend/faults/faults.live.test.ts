import { describe, expect, onTestFinished, test } from 'vitest'
import { BackendProcess, eventually, startTestService } from '../testing/index.ts'
import type { Client } from '../testing/index.ts'
import { useFaults } from '../testing/fixture.ts'

let user: Client

const { running, token, bearer, put } = useFaults()
const metric = async (name: string): Promise<number> => {
  const line = (await running.client.get('/metrics')).text
    .split('\n')
    .find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1) ?? 0)
}

async function newUser(): Promise<void> {
  user = (await running.client.register()).client
}

async function timed<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const began = performance.now()
  return { result: await work, ms: performance.now() - began }
}

describe('a fault', () => {
  test('of latency makes requests to its route slow, and no others', async () => {
    await newUser()
    await put([{ route: 'GET /tasks', latencyMs: 2000 }])
    let isSlowOver = false
    const slow = timed(user.get('/tasks')).finally(() => (isSlowOver = true))
    const others = await Promise.all([user.get('/auth/me'), running.client.get('/health')])
    expect([others.map(({ status }) => status), isSlowOver]).toEqual([[200, 200], false])
    const { result, ms } = await slow
    expect([result.status, ms >= 1995]).toEqual([200, true])
    expect(
      await metric(
        'http_request_duration_seconds_bucket{le="0.25",method="GET",route="/tasks",status="200"}',
      ),
    ).toBe(0)
  })

  test('of latency beyond the time limit of requests still ends in an answer', async () => {
    await newUser()
    await put([{ route: '/tasks', latencyMs: 4600 }])
    const { result, ms } = await timed(user.send('POST', '/tasks', { title: 'late' }))
    expect([result.status, ms > 4590]).toEqual([201, true])
  })

  test('of a status answers with it as a problem document, counted under it', async () => {
    await newUser()
    await put([{ status: 503 }])
    const answer = await user.get('/auth/me')
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('retry-after')]).toEqual([
      503,
      'application/problem+json',
      '1',
    ])
    expect(answer.json).toMatchObject({ type: 'urn:todo:problem:injected-fault', status: 503 })
    expect(await metric('http_requests_total{method="GET",route="/auth/me",status="503"}')).toBeGreaterThan(0)
    for (const path of ['/health', '/health/ready', '/metrics', '/docs'])
      expect([path, (await running.client.get(path)).status]).toEqual([path, 200])
  })

  test('with a ratio hits some requests and not others', async () => {
    await put([{ route: '/health', status: 500, ratio: 0.5 }])
    const statuses = new Set<number>()
    // Both are missing from 60 with a chance of 2 in 10^18.
    for (let asked = 0; asked < 60; asked += 1) statuses.add((await running.client.get('/health')).status)
    expect(statuses).toEqual(new Set([200, 500]))
  })

  test('that stops the event loop holds up everybody', async () => {
    await newUser()
    await put([{ route: 'GET /auth/me', stallMs: 400 }])
    const stalling = user.get('/auth/me')
    const stalled = await timed(
      Promise.all([stalling, ...Array.from({ length: 3 }, () => running.client.get('/health'))]),
    )
    expect(stalled.ms).toBeGreaterThanOrEqual(395)
    expect(stalled.result.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  })

  test('of a slow database shows in the times of queries', async () => {
    await newUser()
    await put([{ dbLatencyMs: 300 }])
    const before = await metric('db_query_duration_seconds_sum{query="users.by_id"}')
    const slow = await timed(user.get('/auth/me'))
    expect([slow.result.status, slow.ms >= 295]).toEqual([200, true])
    expect((await metric('db_query_duration_seconds_sum{query="users.by_id"}')) - before).toBeGreaterThan(
      0.29,
    )
  })

  test('of a database that is too slow is 503 in time, and over as soon as it is switched off', async () => {
    await newUser()
    await put([{ dbLatencyMs: 30_000 }])
    const [late, ready] = await Promise.all([
      timed(user.get('/auth/me')),
      running.client.get('/health/ready'),
    ])
    // Within 4.5 s on a machine that does not stand still, and in any case before the database would answer.
    expect([late.result.status, late.ms < 25_000]).toEqual([503, true])
    expect(ready.json).toEqual({ status: 'unavailable', services: { database: false, auth: true } })
    await running.client.send('DELETE', '/_faults', undefined, bearer)
    expect((await user.get('/auth/me')).status).toBe(200)
  })

  test('of an absent database is 503 with Retry-After, also if cached, not ready, and counted', async () => {
    await newUser()
    await eventually('the page is in the cache', 60_000, async () => {
      const before = await metric('cache_requests_total{cache="tasks_page",result="hit"}')
      await user.get('/tasks')
      return (await metric('cache_requests_total{cache="tasks_page",result="hit"}')) > before
    })
    const before = await metric('db_connection_errors_total')
    await put([{ dbDown: true }])
    for (const answer of await Promise.all([
      user.get('/tasks'),
      user.send('POST', '/tasks', { title: 'x' }),
      running.client.send('POST', '/auth/login', { email: 'a@example.com', password: 'x' }),
    ])) {
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
    }
    expect((await running.client.get('/health')).status).toBe(200)
    const ready = await running.client.get('/health/ready')
    expect([ready.status, ready.json]).toEqual([
      503,
      { status: 'unavailable', services: { database: false, auth: true } },
    ])
    expect(await metric('db_connection_errors_total')).toBeGreaterThanOrEqual(before + 4)
    await running.client.send('DELETE', '/_faults', undefined, bearer)
    expect([(await user.get('/tasks')).status, (await running.client.get('/health/ready')).status]).toEqual([
      200, 200,
    ])
  })

  test('of authentication fails logins and tokens with 503, and readiness names it', async () => {
    const { client, session, password } = await running.client.register()
    await put([{ authDown: true }])
    const credentials = { email: session.user.email, password }
    const answers = [
      await client.get('/tasks'),
      await running.client.send('POST', '/auth/login', credentials),
      await running.client.send('POST', '/auth/refresh', { refreshToken: session.refreshToken }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503])
    expect((await running.client.get('/health/ready')).json).toEqual({
      status: 'unavailable',
      services: { database: true, auth: false },
    })
    expect(
      await metric('auth_attempts_total{action="login",result="error",reason="unavailable"}'),
    ).toBeGreaterThan(0)
    await running.client.send('DELETE', '/_faults', undefined, bearer)
    // No limit was used up, and no account was locked.
    expect(
      (await running.client.send('POST', '/auth/refresh', { refreshToken: session.refreshToken })).status,
    ).toBe(200)
    expect((await running.client.send('POST', '/auth/login', credentials)).status).toBe(200)
  })

  test('of rate limits lets everybody through', async () => {
    await newUser()
    const burst = async (): Promise<Set<number>> =>
      new Set(
        (await Promise.all(Array.from({ length: 30 }, () => user.get('/tasks')))).map(({ status }) => status),
      )
    expect(await burst()).toEqual(new Set([200, 429]))
    await put([{ rateLimitOff: true }])
    expect(await burst()).toEqual(new Set([200]))
    await running.client.send('DELETE', '/_faults', undefined, bearer)
    expect(await burst()).toEqual(new Set([429]))
  })

  test('ends with the service: who is held up is answered before it goes', async () => {
    const own = await startTestService(await running.newDatabase(), { FAULTS_TOKEN: token })
    const caller = (await own.client.register()).client
    await put([{ route: 'GET /tasks', latencyMs: 30_000 }], 60, own.client)
    const held = timed(caller.get('/tasks'))
    // The one that asks is the other.
    await eventually('the request has arrived', 60_000, async () =>
      (await own.client.get('/metrics')).text.includes('\nhttp_requests_in_flight 2\n'),
    )
    await own.service.stop()
    const { result, ms } = await held
    expect([result.status, ms < 30_000]).toEqual([200, true])
  })

  test('ends by itself', async () => {
    // A second is soon over on a machine that stands still.
    await eventually('it is there', 60_000, async () => {
      await put([{ status: 500 }], 1)
      return (await running.client.get('/tasks')).status === 500
    })
    await eventually('it is over', 60_000, async () => (await running.client.get('/tasks')).status === 401)
    expect((await running.client.get('/_faults', bearer)).json).toMatchObject({ rules: [] })
  })
})

describe('of memory', () => {
  test('as much is resident, and given back', async () => {
    const backend = new BackendProcess({ DATABASE_URL: await running.newDatabase(), FAULTS_TOKEN: token })
    onTestFinished(() => backend.end())
    const client = await backend.ready()
    const resident = async (): Promise<number> =>
      Number(/^process_resident_memory_bytes (\d+)$/m.exec((await client.get('/metrics')).text)?.[1])
    const before = await resident()
    const mebibytes = async (): Promise<number> => ((await resident()) - before) / 1024 / 1024
    expect((await put([{ memoryMb: 200 }, { memoryMb: 100 }], 60, client)).status).toBe(200)
    await eventually('it is resident', 60_000, async () => (await mebibytes()) > 270)
    await client.send('DELETE', '/_faults', undefined, bearer)
    await eventually('it is given back', 60_000, async () => (await mebibytes()) < 100)
  })
})
