import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startTestService } from '../testing/index.ts'
import { useTestService } from '../testing/fixture.ts'

const running = useTestService()

const documentShape = z.object({
  openapi: z.string(),
  paths: z.record(
    z.string(),
    z.record(z.string(), z.object({ operationId: z.string(), responses: z.record(z.string(), z.unknown()) })),
  ),
})
const served = async () => documentShape.parse((await running.client.get('/openapi.json')).json)

// As the contract lists them.
const contract = [
  'GET /health',
  'GET /health/ready',
  'GET /metrics',
  'POST /auth/register',
  'POST /auth/login',
  'POST /auth/refresh',
  'POST /auth/logout',
  'GET /auth/me',
  'DELETE /auth/me',
  'GET /tasks',
  'POST /tasks',
  'GET /tasks/{id}',
  'PATCH /tasks/{id}',
  'DELETE /tasks/{id}',
  'POST /tasks/bulk',
  'POST /exports',
  'GET /exports/{id}',
  'GET /exports/{id}/download',
  'POST /imports',
  'GET /imports/{id}',
  'GET /docs',
  'GET /openapi.json',
]

describe('the OpenAPI document', () => {
  test('lists exactly the routes of the contract', async () => {
    const document = await served()
    const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(document.openapi).toBe('3.1.0')
    expect(new Set(listed)).toEqual(new Set(contract))
  })

  test('matches what is served: for each path Allow names exactly the listed methods', async () => {
    for (const [path, methods] of Object.entries((await served()).paths)) {
      const answer = await running.client.send(
        'OPTIONS',
        path.replace('{id}', '01900000-0000-7000-8000-000000000000'),
      )
      const allowed = answer.headers
        .get('allow')
        ?.split(', ')
        .filter((method) => method !== 'HEAD' && method !== 'OPTIONS')
      expect([path, new Set(allowed)]).toEqual([
        path,
        new Set(Object.keys(methods).map((method) => method.toUpperCase())),
      ])
    }
  })
})

describe('the reference page', () => {
  test('shows every operation, runs no script and loads nothing', async () => {
    const page = await running.client.get('/docs')
    for (const methods of Object.values((await served()).paths)) {
      for (const { operationId } of Object.values(methods)) expect(page.text).toContain(`id="${operationId}"`)
    }
    expect(page.text).not.toMatch(/<script|src=|@import|url\(/)
    const [, style = ''] = /<style>([^]*?)<\/style>/.exec(page.text) ?? []
    const hash = createHash('sha256').update(style).digest('base64')
    expect(page.headers.get('content-security-policy')).toContain(
      `default-src 'none'; style-src 'sha256-${hash}'`,
    )
  })

  test('and the document are not there in production unless they are switched on', async () => {
    const env = { NODE_ENV: 'production', AUTH_SECRET: 'a secret of more than thirty-two characters' }
    const url = await running.newDatabase()
    const without = await startTestService(url, env)
    const statuses = [
      (await without.client.get('/docs')).status,
      (await without.client.get('/openapi.json')).status,
    ]
    await without.stop()
    const withDocs = await startTestService(url, { ...env, DOCS: 'on' })
    statuses.push((await withDocs.client.get('/docs')).status)
    await withDocs.stop()
    expect(statuses).toEqual([404, 404, 200])
  })
})
