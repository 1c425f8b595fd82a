import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { auditEvents, securityEvents } from './events.ts'
import { startTestPostgres, startTestService } from '../testing/index.ts'
import {
  bearer,
  canary,
  exceedLimit,
  simulateDay,
  metricsContract,
  parseSamples,
  secrets,
  userLimits,
} from './testing/index.ts'
import type { Sample } from './testing/index.ts'

const line = z.looseObject({
  timestamp: z.iso.datetime(),
  level: z.string(),
  message: z.string(),
  stream: z.string(),
  event: z.string().optional(),
  endpoint: z.string().optional(),
  status: z.number().optional(),
  userId: z.string().optional(),
})
type Line = z.infer<typeof line>

let text = ''
let databasePassword = ''
const lines: Line[] = []
const files = new Map<string, string>()
const tokens = new Set<string>()
let exposition = ''
let openMetrics = ''
const samples: Sample[] = []
const traceId = '0af7651916cd43dd8448eb211c80319c'

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'todo-logs-'))
  const postgres = await startTestPostgres()
  const url = await postgres.newDatabase()
  databasePassword = new URL(url).password
  const env = { ...secrets, LOG_DIR: folder, LOG_LEVEL: 'info' }
  const first = await startTestService(url, { ...env, RATE_LIMIT_PER_MINUTE: String(userLimits.before) })
  await exceedLimit(first.client)
  samples.push(...parseSamples((await first.client.get('/metrics', bearer(secrets.METRICS_TOKEN))).text))
  await first.stop()
  const running = await startTestService(url, { ...env, RATE_LIMIT_PER_MINUTE: String(userLimits.now) })
  for (const token of await simulateDay(running.client, url, running.service.address.port)) tokens.add(token)
  await running.client.get('/health', { traceparent: `00-${traceId}-b7ad6b7169203331-01` })
  exposition = (await running.client.get('/metrics', bearer(secrets.METRICS_TOKEN))).text
  openMetrics = (
    await running.client.get('/metrics', {
      ...bearer(secrets.METRICS_TOKEN),
      accept: 'application/openmetrics-text; version=1.0.0',
    })
  ).text
  samples.push(...parseSamples(exposition))
  await running.stop()
  for (const name of await readdir(folder)) files.set(name, await readFile(join(folder, name), 'utf8'))
  text = [...files.values()].join('')
  lines.push(
    ...text
      .split('\n')
      .filter(Boolean)
      .map((one) => line.parse(JSON.parse(one))),
  )
  await postgres.close()
  await rm(folder, { recursive: true, force: true })
})

const listEvents = (stream: string): string[] =>
  [
    ...new Set(lines.flatMap((one) => (one.stream === stream && one.event !== undefined ? [one.event] : []))),
  ].toSorted()

describe('the lines of a day', () => {
  test('hold no secret: not of the environment, not of a caller', () => {
    expect([text.length > 10_000, tokens.size > 10, databasePassword.length > 5]).toEqual([true, true, true])
    for (const secret of [databasePassword, canary, 'ada@example.com', ...tokens])
      expect([secret, text.includes(secret)]).toEqual([secret, false])
    expect(text).not.toMatch(/bearer (?!\[hidden\])|argon2/i)
  })

  test('hold no control character', () => {
    // oxlint-disable-next-line no-control-regex -- it is these that are looked for
    expect(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.exec(text)).toBeNull()
  })

  test('are each in the file of their stream', () => {
    for (const [name, content] of files) {
      const streams = new Set(
        content
          .split('\n')
          .filter(Boolean)
          .map((one) => line.parse(JSON.parse(one)).stream),
      )
      expect([name, [...streams]]).toEqual([name, [name.slice(0, name.indexOf('-'))]])
    }
    // What was written last, too: nothing is lost when the service ends.
    expect(files.get([...files.keys()].findLast((name) => name.startsWith('application-')) ?? '')).toMatch(
      /"message":"stopped"\}\n$/,
    )
    expect(new Set([...files.keys()].map((name) => name.slice(0, name.indexOf('-'))))).toEqual(
      new Set(['application', 'security', 'audit', 'error']),
    )
  })

  test('say of every request which it was, of whom, how it ended and how long it took', () => {
    const ended = lines.filter(({ message }) => message === 'request' || message === 'request failed')
    expect(ended.length).toBeGreaterThan(200)
    for (const one of ended) {
      expect(one).toMatchObject({
        requestId: expect.stringMatching(/^\S+$/),
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        endpoint: expect.stringMatching(/^[A-Z]+ (\/\S*|unmatched)$/),
        status: expect.any(Number),
        responseTimeMs: expect.any(Number),
      })
      if ((one.status ?? 0) >= 400 && one.status !== 499)
        expect(one).toMatchObject({ error: { kind: expect.any(String), message: expect.any(String) } })
    }
    expect(
      ended.some(
        ({ endpoint, status, userId }) => endpoint === 'GET /tasks' && status === 200 && userId !== undefined,
      ),
    ).toBe(true)
    expect(lines.some(({ message }) => message === 'request could not be read')).toBe(true)
  })

  test('say of an error of ours where it happened, without the values of the query', () => {
    const failed = lines.find(({ status }) => status === 500)
    expect(failed).toMatchObject({
      level: 'error',
      stream: 'error',
      error: {
        kind: 'internal',
        message: expect.stringMatching(/Failed query: insert into "tasks".*params: \[hidden\]/s),
        stack: expect.stringMatching(/\n {4}at /),
      },
    })
  })

  test('have every security event, each with a request or what it is about', () => {
    expect(listEvents('security')).toEqual(Object.keys(securityEvents).toSorted())
    for (const one of lines.filter(({ stream }) => stream === 'security')) {
      if (one.event === 'ratelimit.config_changed' || one.event === 'usage.unusual') continue
      expect(one).toMatchObject({
        requestId: expect.any(String),
        address: '127.0.0.1',
        endpoint: expect.any(String),
      })
    }
    expect(lines.find(({ event }) => event === 'ratelimit.config_changed')).toMatchObject({
      policy: 'user',
      ...userLimits,
    })
    expect(lines.find(({ event }) => event === 'faults.changed')).toMatchObject({
      change: 'set',
      ttlSeconds: 60,
      expiresAt: expect.any(String),
      rules: [{ route: '/health', latencyMs: 1 }],
    })
    expect(
      lines.filter(
        ({ event, ...one }) =>
          event === 'access.cross_user' &&
          ('taskId' in one || 'tasks' in one || 'exportId' in one || 'importId' in one),
      ),
    ).toHaveLength(4)
  })

  test('have every audit event, each with its user', () => {
    expect(listEvents('audit')).toEqual(Object.keys(auditEvents).toSorted())
    for (const one of lines.filter(({ stream }) => stream === 'audit'))
      expect([one.event, typeof one.userId]).toEqual([one.event, 'string'])
  })
})

describe('the metrics of a day', () => {
  test.each(Object.entries(metricsContract))('have %s with exactly the labels: %s', (name, labels) => {
    const found = samples.filter((one) => one.name === name)
    expect(found.length).toBeGreaterThan(0)
    expect([...new Set(found.map((one) => Object.keys(one.labels).toSorted().join(' ')))]).toEqual([labels])
  })

  test.each<[string, Record<string, string>]>([
    ['http_requests_total', { status: '500' }],
    ['http_requests_total', { method: 'none', status: '400' }],
    ['db_connection_errors_total', {}],
    ['db_pool_connections', { state: 'idle' }],
    ['job_duration_seconds_count', { queue: 'export', outcome: 'done' }],
    ['cache_requests_total', { result: 'miss' }],
    ['auth_attempts_total', { action: 'login', result: 'failure', reason: 'wrong_password' }],
    ['auth_attempts_total', { action: 'login', result: 'failure', reason: 'locked_out' }],
    ['auth_attempts_total', { action: 'login', result: 'success', reason: 'none' }],
    ['auth_attempts_total', { action: 'login', result: 'error', reason: 'unavailable' }],
    ['auth_attempts_total', { action: 'refresh', result: 'failure', reason: 'reused' }],
    ['auth_lockouts_total', {}],
    ['auth_token_failures_total', { reason: 'malformed' }],
    ['auth_suspicious_addresses', {}],
    ['user_registrations_total', {}],
    ['users_active', { window: '5m' }],
    ['task_operations_total', { operation: 'create', result: 'success' }],
    ['task_operations_total', { operation: 'bulk', result: 'refused' }],
    ['export_total', { format: 'csv', result: 'success' }],
    ['import_total', { format: 'json', result: 'success' }],
    ['bulk_operation_items_count', {}],
    ['rate_limit_hits_total', { policy: 'user' }],
    ['rate_limit_utilization_ratio', { policy: 'user' }],
    ['access_denied_total', { kind: 'unauthenticated' }],
    ['access_denied_total', { kind: 'cross_user' }],
    ['feature_users', { feature: 'bulk' }],
    ['feature_users', { feature: 'export' }],
    ['feature_users', { feature: 'import' }],
  ])('count what happened: %s %j', (name, labels) => {
    const found = samples.filter(
      (one) =>
        one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
    )
    expect(Math.max(...found.map(({ value }) => value))).toBeGreaterThan(0)
  })

  test('have labels of routes and classes only: nothing that a caller chose, and few values', () => {
    const values = new Map<string, Set<string>>()
    for (const { name, labels } of samples)
      for (const [label, value] of Object.entries(labels))
        if (/^(http|db|job|cache|auth|task|export|import|rate|access|feature|users)_/.test(name))
          values.set(label, (values.get(label) ?? new Set()).add(value))
    for (const [label, found] of values) {
      for (const value of found)
        expect([label, value]).toEqual([label, expect.stringMatching(/^[\w./:+-]{1,40}$/)])
      expect([label, found.size < 70]).toEqual([label, true])
    }
    expect(exposition).not.toMatch(/canary|@|[0-9a-f]{8}-[0-9a-f]{4}/)
    expect(values.get('status')).toEqual(
      new Set([...(values.get('status') ?? [])].filter((status) => /^[2-5]\d\d$/.test(status))),
    )
  })

  test('resolve the limits that alerts have', () => {
    const bounds = new Set(
      samples
        .filter(({ name }) => name === 'http_request_duration_seconds_bucket')
        .map(({ labels }) => labels['le']),
    )
    for (const limit of ['0.5', '1', '2', '5', '+Inf']) expect(bounds).toContain(limit)
  })

  test('have the trace of a request as exemplar', () => {
    expect(openMetrics).toMatch(
      new RegExp(
        `^http_request_duration_seconds_bucket\\{.*route="/health".*\\} \\d+ # \\{trace_id="${traceId}"\\}`,
        'm',
      ),
    )
    expect(openMetrics.endsWith('# EOF\n')).toBe(true)
  })
})
