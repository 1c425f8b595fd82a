import { Ajv2020 } from 'ajv/dist/2020.js'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventually, startTestService } from '../testing/index.ts'
import type { Answer } from '../testing/index.ts'
import { useTestService } from '../testing/fixture.ts'

let document: z.infer<typeof documentShape>

const mediaTypes = z.record(
  z.string(),
  z.object({ schema: z.record(z.string(), z.unknown()), example: z.unknown().optional() }),
)
const responseShape = z.object({
  headers: z.record(z.string(), z.object({ required: z.boolean() })),
  content: mediaTypes.default({}),
  links: z.record(z.string(), z.object({ operationId: z.string() })).default({}),
})
const operationShape = z.object({
  operationId: z.string(),
  requestBody: z.object({ content: mediaTypes }).optional(),
  responses: z.record(z.string(), responseShape),
})
const documentShape = z.object({
  paths: z.record(z.string(), z.record(z.string(), operationShape)),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
})

const running = useTestService()

beforeAll(async () => {
  document = documentShape.parse((await running.client.get('/openapi.json')).json)
})

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
const absent = '01900000-0000-7000-8000-000000000000'
const made = z.object({ id: z.string() })

/** Sent with every answer, or by HTTP itself. */
const everywhere = new Set([
  'cache-control',
  'connection',
  'content-length',
  'content-security-policy',
  'content-type',
  'date',
  'keep-alive',
  'referrer-policy',
  'strict-transport-security',
  'transfer-encoding',
  'x-content-type-options',
  'x-frame-options',
])

/** What the document has for an answer to `method path`; the reasons why it does not fit. */
function misfits(method: string, path: string, answer: Answer): string[] {
  const pattern = path.replace(/\?.*/, '').replace(/[0-9a-f-]{36}/, '{id}')
  const response = document.paths[pattern]?.[method.toLowerCase()]?.responses[String(answer.status)]
  if (response === undefined) return [`${answer.status} is not documented`]
  const described = new Map(
    Object.entries(response.headers).map(([name, header]) => [name.toLowerCase(), header]),
  )
  const missing = [...described]
    .filter(([name, { required }]) => required && !answer.headers.has(name))
    .map(([name]) => `${name} is documented and not there`)
  const secret = [...answer.headers.keys()]
    .filter((name) => !everywhere.has(name) && !described.has(name))
    .map((name) => `${name} is there and not documented`)
  const type = answer.headers.get('content-type')?.split(';')[0]
  const types = Object.keys(response.content)
  const wrongType = types.length === 0 ? type !== undefined : !types.includes(type ?? '')
  return [...missing, ...secret, ...(wrongType ? [`${type} is none of ${types.join(', ')}`] : [])]
}

describe('the answers of the service are as the document describes them', () => {
  test('to requests that succeed', async () => {
    const { client, session, password } = await running.client.register()
    const task = await client.send('POST', '/tasks', { title: 'x' }, { 'idempotency-key': 'k' })
    const { id } = made.parse(task.json)
    const asked = await eventuallyAsked(() => client.send('POST', '/exports', { format: 'csv' }))
    const exportId = made.parse(asked.json).id
    await eventually('the export is done', 60_000, async () =>
      (await client.get(`/exports/${exportId}`)).text.includes('"done"'),
    )
    const sent = await client.send('POST', '/imports', 'title\nx\n', { 'content-type': 'text/csv' })
    const seen: [string, string, Answer][] = [
      ['POST', '/tasks', task],
      ['POST', '/exports', asked],
      ['POST', '/imports', sent],
    ]
    const visit = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      seen.push([method, path, await client.send(method, path, body, headers)])
    await visit('POST', '/tasks', { title: 'x' }, { 'idempotency-key': 'k' })
    await visit('POST', '/auth/register', { email: `more-${session.user.email}`, password })
    await visit('POST', '/auth/login', { email: session.user.email, password })
    await visit('POST', '/auth/refresh', { refreshToken: session.refreshToken })
    for (const path of [
      '/auth/me',
      '/tasks',
      '/tasks?limit=1',
      `/tasks/${id}`,
      `/exports/${exportId}`,
      `/exports/${exportId}/download`,
      `/imports/${made.parse(sent.json).id}`,
    ])
      await visit('GET', path)
    for (const path of ['/health', '/health/ready', '/metrics', '/docs', '/openapi.json'])
      await visit('GET', path)
    await visit('PATCH', `/tasks/${id}`, { status: 'done' })
    await visit('POST', '/tasks/bulk', { create: [{ title: 'y' }] })
    await visit('DELETE', `/tasks/${id}`)
    await visit('POST', '/auth/logout')
    const other = (await running.client.register()).client
    seen.push(['DELETE', '/auth/me', await other.send('DELETE', '/auth/me')])
    expect(
      seen.flatMap(([method, path, answer]) =>
        misfits(method, path, answer).map((misfit) => `${method} ${path}: ${misfit}`),
      ),
    ).toEqual([])
    const visited = new Set(
      seen.map(([method, path]) => `${method} ${path.replace(/\?.*/, '').replace(/[0-9a-f-]{36}/, '{id}')}`),
    )
    expect(
      operations()
        .map(({ method, path }) => `${method.toUpperCase()} ${path}`)
        .filter((name) => !visited.has(name)),
    ).toEqual([])
  })

  test('to requests that are refused', async () => {
    const { client, session } = await running.client.register()
    const email = session.user.email
    const { id } = made.parse(
      (await client.send('POST', '/tasks', { title: 'x' }, { 'idempotency-key': 'k' })).json,
    )
    const requests: [string, string, unknown, Record<string, string>][] = [
      ['POST', '/tasks', '{', {}],
      ['POST', '/tasks', '{}', { 'content-type': 'text/plain' }],
      ['POST', '/tasks', { title: '' }, {}],
      ['POST', '/tasks', 'x'.repeat(300_000), {}],
      ['POST', '/tasks', { title: 'else' }, { 'idempotency-key': 'k' }],
      ['PATCH', `/tasks/${id}`, { title: 'y' }, { 'if-match': '"9"' }],
      ['DELETE', `/tasks/${id}`, undefined, { 'if-match': '"9"' }],
      ['GET', `/tasks/${absent}`, undefined, {}],
      ['GET', '/tasks?limit=0', undefined, {}],
      ['GET', '/health?x=1', undefined, {}],
      ['POST', '/tasks/bulk', { delete: [absent] }, {}],
      ['GET', `/exports/${absent}`, undefined, {}],
      ['GET', `/exports/${absent}/download`, undefined, {}],
      ['GET', `/imports/${absent}`, undefined, {}],
      ['GET', '/tasks', undefined, { authorization: 'Bearer x' }],
      ['POST', '/auth/register', { email, password: 'hunter2hunter2' }, {}],
      ...Array.from({ length: 6 }, (): [string, string, unknown, Record<string, string>] => [
        'POST',
        '/auth/login',
        { email, password: 'wrong password' },
        {},
      ]),
      ['POST', '/auth/refresh', { refreshToken: 'x' }, {}],
    ]
    for (const [method, path, body, headers] of requests) {
      const answer = await client.send(method, path, body, headers)
      expect([method, path, answer.status >= 400, misfits(method, path, answer)]).toEqual([
        method,
        path,
        true,
        [],
      ])
    }
  })

  test('to requests beyond the limit', async () => {
    const strict = await startTestService(await running.newDatabase(), {
      RATE_LIMIT_PER_MINUTE: '1',
      AUTH_RATE_LIMIT_PER_MINUTE: '1',
    })
    const { client } = await strict.client.register()
    await client.get('/tasks')
    for (const [method, path] of [
      ['GET', '/tasks'],
      ['POST', '/auth/login'],
    ] as const) {
      const answer = await client.send(method, path)
      expect([answer.status, misfits(method, path, answer)]).toEqual([429, []])
    }
    await strict.stop()
  })
})

/** Jobs start a moment after the service is ready. */
async function eventuallyAsked(ask: () => Promise<Answer>): Promise<Answer> {
  let answer = await ask()
  await eventually('accepted', 60_000, async () => {
    if (answer.status === 503) answer = await ask()
    return answer.status === 202
  })
  return answer
}

describe('the examples of the document', () => {
  test('are there for every body, and are valid by its schema', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    for (const { operation } of operations()) {
      const contents = [
        operation.requestBody?.content ?? {},
        ...Object.entries(operation.responses)
          .filter(([status]) => status < '4')
          .map(([, { content }]) => content),
      ]
      for (const { schema, example } of contents.flatMap((content) => Object.values(content))) {
        const valid = ajv.validate(schema, example)
        expect([operation.operationId, example === undefined, valid, ajv.errors]).toEqual([
          operation.operationId,
          false,
          true,
          null,
        ])
      }
    }
  })

  test('of bodies are accepted when they are sent', async () => {
    const { client } = await running.client.register()
    for (const path of ['/auth/register', '/tasks', '/tasks/bulk', '/exports', '/imports']) {
      for (const [type, { example }] of Object.entries(
        document.paths[path]?.['post']?.requestBody?.content ?? {},
      )) {
        const answer = await client.send('POST', path, example, { 'content-type': type })
        expect([path, type, answer.status < 300]).toEqual([path, type, true])
      }
    }
  })

  test('links name operations that there are', () => {
    const ids = new Set(operations().map(({ operation }) => operation.operationId))
    const linked = operations().flatMap(({ operation }) =>
      Object.values(operation.responses).flatMap(({ links }) =>
        Object.values(links).map((link) => link.operationId),
      ),
    )
    expect(linked.length).toBeGreaterThan(5)
    expect(linked.filter((id) => !ids.has(id))).toEqual([])
  })
})
