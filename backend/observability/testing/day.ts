import { connect } from 'node:net'
import sqlClient from 'postgres'
import { z } from 'zod'
import { eventually, parseSession } from '../../testing/index.ts'
import type { Client } from '../../testing/index.ts'

/** Part of every secret, and sent wherever callers may put one. It must not appear in logs and metrics. */
export const canary = 'canary-0f3a9c71'
/** For the environment of the service. */
export const secrets = {
  METRICS_TOKEN: `metrics-${canary}`,
  FAULTS_TOKEN: `faults-${canary}`,
  AUTH_SECRET: `a secret to sign with ${canary}`,
  SERVER_TIMING: `timing-${canary}`,
}
const password = `password-${canary}`
const uuid = '01900000-0000-7000-8000-000000000000'

/** The user limits of the service: before and after its restart. */
export const userLimits = { before: 50, now: 2000 } as const

/**
 * Uses all features of a service and causes every kind of error. Returns all tokens that were created.
 */
export async function simulateDay(client: Client, databaseUrl: string, port: number): Promise<Set<string>> {
  const tokens = new Set<string>()
  await useEverything(client, tokens)
  await tryEverything(client, tokens)
  await breakDatabase(client, databaseUrl, tokens)
  await sendNonsense(port)
  return tokens
}

/** Sends twice as many requests as a minute allows. */
export async function exceedLimit(client: Client): Promise<void> {
  const user = (await client.register()).client
  await Promise.all(Array.from({ length: userLimits.before * 2 + 20 }, () => user.get('/tasks')))
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function register(
  client: Client,
  tokens: Set<string>,
): Promise<{ user: Client; email: string; refreshToken: string }> {
  const answer = await client.send('POST', '/auth/register', {
    email: `${crypto.randomUUID()}@example.com`,
    password,
  })
  const session = parseSession(answer)
  tokens.add(session.accessToken).add(session.refreshToken)
  return {
    user: client.as(session.accessToken),
    email: session.user.email,
    refreshToken: session.refreshToken,
  }
}

async function useEverything(client: Client, tokens: Set<string>): Promise<void> {
  const [one, other] = [await register(client, tokens), await register(client, tokens)]
  const login = (secret: string) =>
    client.send('POST', '/auth/login', { email: other.email, password: secret })
  tokens.add(parseSession(await login(password)).refreshToken)
  for (let attempt = 0; attempt < 10; attempt += 1) await login(`wrong ${password}`)
  await login(password)
  tokens.add(
    parseSession(await client.send('POST', '/auth/refresh', { refreshToken: one.refreshToken })).refreshToken,
  )
  await client.send('POST', '/auth/refresh', { refreshToken: one.refreshToken })
  await client.send('POST', '/auth/refresh', { refreshToken: `refresh-${canary}` })
  await client.get('/auth/me')
  await client.as(`eyJhbGciOiJub25lIn0.${canary}.`).get('/auth/me')
  await client.get('/metrics', bearer(`wrong-${canary}`))
  await client.send(
    'PUT',
    '/_faults',
    { rules: [{ route: '/health', latencyMs: 1 }], ttlSeconds: 60 },
    bearer(secrets.FAULTS_TOKEN),
  )
  await client.send('DELETE', '/_faults', undefined, bearer(secrets.FAULTS_TOKEN))
  await transferEverything(other.user, (await register(client, tokens)).user)
  await other.user.send('POST', '/auth/logout')
  await (await register(client, tokens)).user.send('DELETE', '/auth/me')
}

async function transferEverything(user: Client, stranger: Client): Promise<void> {
  const parseId = (answer: { json: unknown }): string => z.object({ id: z.string() }).parse(answer.json).id
  const task = parseId(await user.send('POST', '/tasks', { title: 'mine' }))
  await stranger.get(`/tasks/${task}`)
  await stranger.send('POST', '/tasks/bulk', { delete: [task] })
  for (let use = 0; use < 30; use += 1) await user.send('POST', '/tasks/bulk', { create: [{ title: 'x' }] })
  const kinds = { '/imports': '[{"title":"imported"}]', '/exports': '{"format":"csv"}' }
  for (const [path, body] of Object.entries(kinds)) {
    const id = await eventuallyAccepted(user, path, body)
    await eventually(`${path} is done`, 20_000, async () =>
      (await user.get(`${path}/${id}`)).text.includes('"done"'),
    )
    await stranger.get(`${path}/${id}`)
    if (path === '/exports') await user.get(`${path}/${id}/download`)
  }
}

// Retries, because the job queue starts in the background.
async function eventuallyAccepted(user: Client, path: string, body: string): Promise<string> {
  let accepted = await user.send('POST', path, body)
  await eventually(
    `${path} is accepted`,
    20_000,
    async () => accepted.status === 202 || (accepted = await user.send('POST', path, body)).status === 202,
  )
  return z.object({ id: z.string() }).parse(accepted.json).id
}

/**
 * Every operation with secrets wherever a caller may put one, without and with a user, well formed and
 * malformed.
 */
async function tryEverything(client: Client, tokens: Set<string>): Promise<void> {
  const { paths } = z
    .object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
    .parse((await client.get('/openapi.json')).json)
  const user = (await register(client, tokens)).user
  const hostile = {
    cookie: `session=${canary}`,
    'x-api-key': canary,
    'x-request-id': `a\tb ${canary}`,
    traceparent: `00-${canary}`,
    'idempotency-key': canary,
    'if-match': `"${canary}"`,
    'server-timing': secrets.SERVER_TIMING,
  }
  const bodies = [
    undefined,
    `{"password":"${canary}`,
    JSON.stringify({
      email: `${canary}@example.com`,
      password,
      refreshToken: canary,
      title: '\u001b[2J',
      token: canary,
    }),
  ]
  for (const [path, methods] of Object.entries(paths)) {
    const concrete = path.replace('{id}', uuid)
    for (const method of Object.keys(methods)) {
      for (const headers of [
        hostile,
        { ...hostile, ...bearer(`bad-${canary}`) },
        { ...hostile, authorization: `Basic ${canary}` },
      ]) {
        for (const target of [concrete, `${concrete}?access_token=${canary}&token=${canary}`]) {
          // Deleting the account would end the user.
          if (`${method} ${path}` === 'delete /auth/me') continue
          const body = method === 'get' ? undefined : bodies[headers === hostile ? 2 : 1]
          await client.send(method.toUpperCase(), target, body, headers)
        }
      }
      for (const body of method === 'get' ? [undefined] : bodies)
        await user.send(method.toUpperCase(), concrete, body, { ...hostile, ...bearer(user.token ?? '') })
    }
  }
  await client.get(`/nothing/${canary}?token=${canary}`, hostile)
}

/** Causes a failing query and an outage. */
async function breakDatabase(client: Client, url: string, tokens: Set<string>): Promise<void> {
  const { user, refreshToken } = await register(client, tokens)
  const sql = sqlClient(url, { max: 1, onnotice: () => undefined })
  await sql.unsafe('alter table tasks rename to tasks_away')
  await user.send('POST', '/tasks/bulk', { create: [{ title: canary, description: canary }] })
  await sql.unsafe('alter table tasks_away rename to tasks')
  await sql.end()
  await client.send(
    'PUT',
    '/_faults',
    { rules: [{ dbDown: true }], ttlSeconds: 60 },
    bearer(secrets.FAULTS_TOKEN),
  )
  for (const path of ['/auth/login', '/auth/register', '/auth/refresh'])
    await client.send(
      'POST',
      path,
      path === '/auth/refresh' ? { refreshToken } : { email: 'ada@example.com', password },
    )
  await user.send('POST', '/tasks', { title: canary })
  await client.send('DELETE', '/_faults', undefined, bearer(secrets.FAULTS_TOKEN))
}

async function sendNonsense(port: number): Promise<void> {
  for (const bytes of [
    `GET http://[${canary} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    `${canary}\u009b2J\r\n\r\n`,
  ]) {
    await new Promise((resolve) =>
      connect(port, '127.0.0.1').on('close', resolve).on('error', resolve).resume().end(bytes),
    )
  }
}
