import { SignJWT } from 'jose'
import sqlClient from 'postgres'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { eventually, startTestService } from '../testing/index.ts'
import type { Answer, Client } from '../testing/index.ts'
import { useTestService } from '../testing/fixture.ts'

const secret = 'a secret that only this test and its service know'

const running = useTestService({ AUTH_SECRET: secret })

const absent = '01900000-0000-7000-8000-000000000000'
const documentShape = z.object({
  paths: z.record(
    z.string(),
    z.record(z.string(), z.object({ security: z.array(z.record(z.string(), z.unknown())) })),
  ),
})
const unsigned = { sub: absent, sid: 's', iss: 'todo-backend', aud: 'todo-api', iat: 1, exp: 4_000_000_000 }
const made = z.object({ id: z.string() })
const shown = (answer: Answer): unknown[] => [answer.status, answer.text.replace(/"requestId":"[^"]+"/, '')]

/** Every operation that needs an access token, as the service describes itself. */
async function protectedOperations(): Promise<{ method: string; path: string }[]> {
  const { paths } = documentShape.parse((await running.client.get('/openapi.json')).json)
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({
      method: method.toUpperCase(),
      path: path.replace('{id}', absent),
      security,
    })),
  )
  return all.filter(({ security }) => security.some((one) => 'accessToken' in one))
}

async function accepted(ask: () => Promise<Answer>): Promise<string> {
  let answer = await ask()
  // Jobs start a moment after the service is ready.
  await eventually('accepted', 60_000, async () => {
    if (answer.status === 503) answer = await ask()
    return answer.status === 202
  })
  return made.parse(answer.json).id
}

describe('without a valid token', () => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const signed = (key: string, exp: number) =>
    new SignJWT({ sub: absent, sid: 's', iss: 'todo-backend', aud: 'todo-api', iat: 1, exp })
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
      .sign(new TextEncoder().encode(key))

  test.each([
    ['absent', () => Promise.resolve(undefined)],
    ['of another scheme', () => Promise.resolve('Basic dXNlcjpwYXNz')],
    ['expired', async () => `Bearer ${await signed(secret, 2)}`],
    [
      'of another key',
      async () => `Bearer ${await signed('another secret, just as long as ours', 4_000_000_000)}`,
    ],
    [
      'alg=none',
      () => Promise.resolve(`Bearer ${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(unsigned)}.`),
    ],
    ['of METRICS_TOKEN', () => Promise.resolve('Bearer the token of the metrics')],
  ])('(%s) every operation that needs one is 401 with WWW-Authenticate', async (_what, make) => {
    const authorization = await make()
    const operations = await protectedOperations()
    expect(operations.length).toBeGreaterThanOrEqual(13)
    for (const { method, path } of operations) {
      const answer = await running.client.send(
        method,
        path,
        undefined,
        authorization === undefined ? {} : { authorization },
      )
      expect([
        method,
        path,
        answer.status,
        answer.headers.get('www-authenticate')?.startsWith('Bearer'),
        answer.headers.get('content-type'),
      ]).toEqual([method, path, 401, true, 'application/problem+json'])
    }
  })
})

describe('what belongs to another user', () => {
  let owner: Client
  let other: Client
  let taskId: string
  let exportId: string
  let importId: string

  beforeAll(async () => {
    owner = (await running.client.register()).client
    other = (await running.client.register()).client
    taskId = made.parse((await owner.send('POST', '/tasks', { title: 'private matter' })).json).id
    exportId = await accepted(() => owner.send('POST', '/exports', { format: 'json' }))
    importId = await accepted(() =>
      owner.send('POST', '/imports', 'title\nprivate too\n', { 'content-type': 'text/csv' }),
    )
    await eventually('both are done', 60_000, async () =>
      (await Promise.all([owner.get(`/exports/${exportId}`), owner.get(`/imports/${importId}`)])).every(
        (answer) => answer.text.includes('"done"'),
      ),
    )
  })

  test('cannot be distinguished from a missing task, for any method', async () => {
    const requests: [string, string, string, unknown?][] = [
      ['GET', '/tasks/', taskId],
      ['HEAD', '/tasks/', taskId],
      ['PATCH', '/tasks/', taskId, { title: 'mine now' }],
      ['DELETE', '/tasks/', taskId],
      ['GET', '/exports/', exportId],
      ['GET', '/imports/', importId],
    ]
    for (const [method, path, id, body] of requests) {
      for (const written of [id, id.toUpperCase()]) {
        const answer = await other.send(method, path + written, body)
        expect([method, path, ...shown(answer)]).toEqual([
          method,
          path,
          ...shown(await other.send(method, path + absent, body)),
        ])
        expect(answer.status).toBe(404)
      }
    }
    expect(shown(await other.get(`/exports/${exportId}/download`))).toEqual(
      shown(await other.get(`/exports/${absent}/download`)),
    )
  })

  test('nor with an If-Match that would fit', async () => {
    const fitting = { 'if-match': '"1"' }
    expect((await other.send('PATCH', `/tasks/${taskId}`, { title: 'mine now' }, fitting)).status).toBe(404)
    expect((await other.send('DELETE', `/tasks/${taskId}`, undefined, fitting)).status).toBe(404)
  })

  test('nor in bulk, where it stops everything else', async () => {
    for (const body of [{ update: [{ id: taskId, title: 'mine now' }] }, { delete: [taskId] }]) {
      const answer = await other.send('POST', '/tasks/bulk', { create: [{ title: 'made' }], ...body })
      expect(answer.status).toBe(422)
      expect(answer.text).not.toContain('private')
    }
    expect((await other.get('/tasks')).json).toEqual({ items: [], nextCursor: null })
  })

  test('is in no list, search or export', async () => {
    for (const query of ['', '?q=private', '?sort=title', '?status=todo', '?limit=100'])
      expect((await other.get(`/tasks${query}`)).text).not.toContain('private')
    // A cursor only says where to go on, not whose tasks to show.
    const { nextCursor } = z
      .object({ nextCursor: z.string() })
      .parse((await owner.get('/tasks?limit=1')).json)
    expect((await other.get(`/tasks?limit=1&cursor=${nextCursor}`)).json).toEqual({
      items: [],
      nextCursor: null,
    })
    const id = await accepted(() => other.send('POST', '/exports', { format: 'csv' }))
    await eventually('the export is done', 60_000, async () =>
      (await other.get(`/exports/${id}`)).text.includes('"done"'),
    )
    expect((await other.get(`/exports/${id}/download`)).text).not.toContain('private')
  })

  test('is as it was after all that, and every attempt was counted', async () => {
    expect((await owner.get(`/tasks/${taskId}`)).json).toMatchObject({ title: 'private matter' })
    const { text } = await running.client.get('/metrics')
    // Eight at the task, two at each of the transfers, one at the download, two with If-Match, one task in
    // each of two in bulk.
    expect(Number(/^access_denied_total\{kind="cross_user"\} (\d+)$/m.exec(text)?.[1])).toBe(
      8 + 4 + 1 + 2 + 2,
    )
  })
})

describe("fields that are not the caller's to set", () => {
  test.each([
    { id: absent },
    { userId: absent },
    { user_id: absent },
    { createdAt: '2020-01-01T00:00:00Z' },
    { updatedAt: '2020-01-01T00:00:00Z' },
    { version: 9 },
    { role: 'admin' },
  ])('%j is refused on every way in', async (field) => {
    const { client, session } = await running.client.register()
    const { id } = made.parse((await client.send('POST', '/tasks', { title: 'x' })).json)
    const bulkItem = 'id' in field ? { id, userId: absent } : { id, ...field }
    const answers = [
      await client.send('POST', '/tasks', { title: 'x', ...field }),
      await client.send('PATCH', `/tasks/${id}`, { title: 'y', ...field }),
      await client.send('POST', '/tasks/bulk', { create: [{ title: 'x', ...field }] }),
      await client.send('POST', '/tasks/bulk', { update: [bulkItem] }),
      await client.send('POST', '/auth/register', {
        email: `more-${session.user.email}`,
        password: 'hunter2hunter2',
        ...field,
      }),
    ]
    expect(answers.map((answer) => answer.status)).toEqual([422, 422, 422, 422, 422])
    expect((await client.get('/tasks')).json).toMatchObject({ items: [{ id, title: 'x' }], nextCursor: null })
  })

  test('an import may contain them, like an export, and ignores them; an owner is refused', async () => {
    const [victim, client] = [
      (await running.client.register()).client,
      (await running.client.register()).client,
    ]
    const { id } = made.parse((await victim.send('POST', '/tasks', { title: 'theirs' })).json)
    const rows = (extra: object) => [
      { title: 'imported', id, createdAt: '2020-01-01T00:00:00.000Z', ...extra },
    ]
    const state = async (body: unknown) => {
      const imported = await accepted(() => client.send('POST', '/imports', body))
      await eventually('the import is over', 60_000, async () =>
        /"(done|failed)"/.test((await client.get(`/imports/${imported}`)).text),
      )
      return (await client.get(`/imports/${imported}`)).json
    }
    expect(await state(rows({ userId: absent }))).toMatchObject({ status: 'failed' })
    expect(await state(rows({}))).toMatchObject({ status: 'done', rows: 1 })
    expect((await victim.get(`/tasks/${id}`)).json).toMatchObject({ title: 'theirs' })
    const [task] = z
      .object({ items: z.array(z.object({ id: z.string(), createdAt: z.string() })) })
      .parse((await client.get('/tasks')).json).items
    expect([task?.id === id, task?.createdAt.startsWith('2020')]).toEqual([false, false])
  })
})

describe('what is not for everybody', () => {
  test('metrics: with a token only for its bearer; without one only for this machine', async () => {
    const token = 'a token for the metrics'
    const url = await running.newDatabase()
    const guarded = await startTestService(url, { METRICS_TOKEN: token })
    onTestFinished(() => guarded.stop())
    const { client } = await guarded.client.register()
    const statuses = [
      await guarded.client.get('/metrics'),
      await client.get('/metrics'),
      await guarded.client.as(`${token}!`).get('/metrics'),
      await guarded.client.as(token).get('/metrics'),
    ].map((answer) => answer.status)
    expect(statuses).toEqual([401, 401, 401, 200])
    const open = await startTestService(url, { HOST: '0.0.0.0' })
    onTestFinished(() => open.stop())
    expect((await open.client.get('/metrics')).status).toBe(404)
  })

  test.each(['X-Forwarded-For', 'Forwarded', 'Via', 'X-Real-IP'])(
    'metrics without a token are not served to a request that a proxy forwarded with %s',
    async (header) => {
      expect((await running.client.get('/metrics')).status).toBe(200)
      expect((await running.client.get('/metrics', { [header]: '203.0.113.9' })).status).toBe(404)
    },
  )

  test('metrics in production need a token, because a proxy may leave no header', async () => {
    const production = {
      NODE_ENV: 'production',
      AUTH_SECRET: 'a secret of production with at least 32 characters',
    }
    const url = await running.newDatabase()
    const open = await startTestService(url, production)
    onTestFinished(() => open.stop())
    expect((await open.client.get('/metrics')).status).toBe(404)
    const token = 'a token for the metrics'
    const guarded = await startTestService(url, { ...production, METRICS_TOKEN: token })
    onTestFinished(() => guarded.stop())
    const forwarded = { 'x-forwarded-for': '203.0.113.9' }
    expect((await guarded.client.get('/metrics', forwarded)).status).toBe(401)
    expect((await guarded.client.as(token).get('/metrics', forwarded)).status).toBe(200)
  })

  test('fault injection is not there unless it is configured', async () => {
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect((await running.client.send(method, '/_faults')).status).toBe(404)
  })

  test('an error of ours says nothing of what went wrong, and still has its request id', async () => {
    const url = await running.newDatabase()
    const broken = await startTestService(url, { CACHE_ENTRIES: '0' })
    onTestFinished(() => broken.stop())
    const { client } = await broken.client.register()
    const admin = sqlClient(url, { max: 1, onnotice: () => undefined })
    onTestFinished(() => admin.end({ timeout: 1 }))
    await admin`alter table tasks rename column title to heading`
    for (const answer of [
      await client.get('/tasks'),
      await client.send('POST', '/tasks', { title: 'x' }),
      await client.send('POST', '/tasks/bulk', { create: [{ title: 'x' }] }),
    ]) {
      expect(answer.status).toBe(500)
      expect(Object.keys(z.record(z.string(), z.unknown()).parse(answer.json)).toSorted()).toEqual([
        'detail',
        'requestId',
        'status',
        'title',
        'type',
      ])
      expect(answer.text).not.toMatch(/select|insert|column|tasks|\.ts|at |node_modules/i)
    }
  })
})
