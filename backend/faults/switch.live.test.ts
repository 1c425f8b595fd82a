import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { BackendProcess, startTestService } from '../testing/index.ts'
import type { Client } from '../testing/index.ts'
import { useFaults } from '../testing/fixture.ts'

let user: Client

const { running, token, bearer, put } = useFaults()
async function newUser(): Promise<void> {
  user = (await running.client.register()).client
}

describe('the switch', () => {
  const state = z.object({
    rules: z.array(z.unknown()),
    expiresAt: z.string().nullable(),
    expiresInSeconds: z.number(),
  })

  test('shows the active rules and their expiry', async () => {
    const rules = [{ route: 'GET /tasks/:id', latencyMs: 1, ratio: 0.5 }, { memoryMb: 1 }]
    const set = await put(rules, 30)
    expect([set.status, state.parse(set.json).rules]).toEqual([200, rules])
    const askedAt = Date.now()
    const on = state.parse((await running.client.get('/_faults', bearer)).json)
    const answeredAt = Date.now()
    expect([on.rules, on.expiresInSeconds > 20 && on.expiresInSeconds <= 30]).toEqual([rules, true])
    // The seconds are rounded.
    const shownAt = Date.parse(on.expiresAt ?? '') - on.expiresInSeconds * 1000
    expect(shownAt).toBeGreaterThan(askedAt - 1000)
    expect(shownAt).toBeLessThan(answeredAt + 1000)
    await put([])
    expect((await running.client.get('/_faults', bearer)).json).toEqual({
      rules: [],
      expiresAt: null,
      expiresInSeconds: 0,
    })
  })

  test.each([
    ['no token', {}],
    ['a wrong token', { authorization: 'Bearer a token for the faults of this tesT' }],
    ['a part of it', { authorization: `Bearer ${token.slice(0, -1)}` }],
    ['another scheme', { authorization: `Basic ${token}` }],
  ])('is not for who has %s, whatever they send', async (_what, headers: Record<string, string>) => {
    const answers = [
      await running.client.get('/_faults', headers),
      await running.client.send('PUT', '/_faults', '{', headers),
      await running.client.send('DELETE', '/_faults', undefined, headers),
    ]
    for (const answer of answers)
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
  })

  test('is not for users', async () => {
    await newUser()
    expect((await user.get('/_faults')).status).toBe(401)
  })

  test.each([
    ['a route that is not served', { route: '/task', status: 500 }, 'body.rules.0.route'],
    ['a method that the route does not have', { route: 'PUT /tasks', status: 500 }, 'body.rules.0.route'],
    ['itself', { route: '/_faults', status: 500 }, 'body.rules.0.route'],
    ['nothing', {}, 'body.rules.0'],
  ])('refuses a rule for %s, and leaves on what was', async (_what, rule, at) => {
    await put([{ latencyMs: 1 }])
    const answer = await put([rule])
    expect([answer.status, answer.json]).toMatchObject([422, { errors: [{ at }] }])
    expect((await running.client.get('/_faults', bearer)).json).toMatchObject({ rules: [{ latencyMs: 1 }] })
  })

  test('does not affect paths that do not exist', async () => {
    await put([{ status: 500 }])
    const statuses = [
      await running.client.get('/tasks'),
      await running.client.get('/nothing'),
      await running.client.send('PUT', '/tasks'),
    ].map(({ status }) => status)
    expect(statuses).toEqual([500, 404, 405])
  })

  test('works while the database is gone and everything is slow', async () => {
    await put([{ dbDown: true, latencyMs: 30_000, authDown: true }])
    expect((await running.client.send('DELETE', '/_faults', undefined, bearer)).status).toBe(204)
    expect((await running.client.get('/health/ready')).status).toBe(200)
  })

  test('is in the OpenAPI document when it is there', async () => {
    const document = z
      .object({
        paths: z.record(z.string(), z.record(z.string(), z.object({ security: z.array(z.unknown()) }))),
      })
      .parse((await running.client.get('/openapi.json')).json)
    expect(Object.keys(document.paths['/_faults'] ?? {})).toEqual(['get', 'put', 'delete'])
    expect(document.paths['/_faults']?.['put']?.security).toEqual([{ operationsToken: [] }])
  })

  test('is not there without FAULTS_TOKEN, nor in the document', async () => {
    const without = await startTestService(await running.newDatabase())
    onTestFinished(() => without.stop())
    const answers = [
      await without.client.get('/_faults', bearer),
      await put([{ status: 500 }], 60, without.client),
      await without.client.send('OPTIONS', '/_faults'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404])
    const unknown = await without.client.get('/_nothing')
    expect(Object.keys(Object(answers[0]?.json))).toEqual(Object.keys(Object(unknown.json)))
    expect((await without.client.get('/openapi.json')).text).not.toContain('_faults')
  })

  test('is refused in production, unless it is allowed by name', async () => {
    const env = {
      NODE_ENV: 'production',
      AUTH_SECRET: 'a secret of more than thirty-two characters',
      FAULTS_TOKEN: token,
      DATABASE_URL: await running.newDatabase(),
    }
    const refused = new BackendProcess(env)
    onTestFinished(() => refused.end())
    expect([await refused.exit(), refused.stderr]).toEqual([
      2,
      'todo-backend: FAULTS_TOKEN: set with NODE_ENV=production, ' +
        'expected absent or FAULTS_ALLOW_PRODUCTION=1 as well\n',
    ])
    const { DATABASE_URL, ...rest } = env
    const allowed = await startTestService(DATABASE_URL, { ...rest, FAULTS_ALLOW_PRODUCTION: '1' })
    onTestFinished(() => allowed.stop())
    expect((await allowed.client.get('/_faults', bearer)).status).toBe(200)
  })
})
