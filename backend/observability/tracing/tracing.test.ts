import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually, lockTables } from '../../testing/index.ts'
import { errorStatus, spanKinds } from '../../testing/otlp.ts'
import { startProxy } from '../../testing/proxy.ts'
import { createCaller, findSpan, useTracing } from '../testing/tracing.ts'

const tracing = useTracing()

describe('one trace', () => {
  test('spans caller, request, statements and job; log and answer name it', async () => {
    const { backend, client } = await tracing.start({})
    const { client: user } = await client.register()
    await eventually(
      'jobs can be queued',
      60_000,
      async () => (await user.send('POST', '/exports', { format: 'json' })).status === 202,
    )
    const from = createCaller('01')
    const answer = await user.send(
      'POST',
      '/exports',
      { format: 'csv' },
      { traceparent: from.traceparent, tracestate: 'vendor=1' },
    )
    const spans = await tracing.receiver.trace(
      from.traceId,
      (some) =>
        findSpan(some, 'process export') !== undefined && findSpan(some, 'POST /exports') !== undefined,
    )

    const request = findSpan(spans, 'POST /exports')
    expect(request).toMatchObject({
      kind: spanKinds.server,
      parentSpanId: from.spanId,
      traceState: 'vendor=1',
      status: { code: 0 },
    })
    expect(request?.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/exports',
      'url.path': '/exports',
      'http.response.status_code': 202,
      'server.address': '127.0.0.1',
    })
    expect(request?.resource).toMatchObject({ 'service.name': 'todo-backend' })
    expect(answer.headers.get('traceparent')).toBe(`00-${from.traceId}-${request?.spanId}-01`)

    const insert = findSpan(spans, 'exports.insert')
    expect(insert).toMatchObject({ kind: spanKinds.client, parentSpanId: request?.spanId })
    expect(insert?.attributes).toMatchObject({
      'db.system.name': 'postgresql',
      'db.query.summary': 'exports.insert',
      'db.namespace': expect.stringMatching(/^test_/) as unknown,
    })
    expect(insert?.startTimeUnixNano).toBeGreaterThanOrEqual(request?.startTimeUnixNano ?? Infinity)
    expect(insert?.endTimeUnixNano).toBeLessThanOrEqual(request?.endTimeUnixNano ?? 0)

    const job = findSpan(spans, 'process export')
    expect(job).toMatchObject({
      kind: spanKinds.consumer,
      parentSpanId: request?.spanId,
      links: [{ traceId: from.traceId, spanId: request?.spanId }],
    })
    expect(job?.attributes).toMatchObject({
      'messaging.system': 'pg-boss',
      'messaging.destination.name': 'export',
      'job.outcome': 'done',
    })
    for (const name of ['exports.start', 'export_chunks.insert', 'exports.finish'])
      expect(findSpan(spans, name), name).toMatchObject({ parentSpanId: job?.spanId })

    await eventually('the job is logged', 60_000, () =>
      backend.lines().some((line) => line['message'] === 'job ended' && line['traceId'] === from.traceId),
    )
    expect(
      backend.lines().find((line) => line['message'] === 'request' && line['traceId'] === from.traceId),
    ).toMatchObject({ endpoint: 'POST /exports', status: 202 })
    const { text } = await client.get('/metrics', { accept: 'application/openmetrics-text' })
    expect(text).toMatch(
      new RegExp(
        `^http_request_duration_seconds_bucket\\{[^}]*route="/exports"[^}]*\\} \\d+ ` +
          `# \\{trace_id="${from.traceId}"\\}`,
        'm',
      ),
    )
    expect((await client.get('/metrics')).text).not.toContain(from.traceId)
  })

  test('shows where a request failed: the query by code, the request by kind', async () => {
    const proxy = await startProxy(tracing.databaseUrl)
    onTestFinished(() => proxy.close())
    const { client } = await tracing.start({ DATABASE_URL: proxy.url })
    const { client: user } = await client.register()
    const mistaken = createCaller('01')
    await user.get(`/tasks/${randomUUID()}`, { traceparent: mistaken.traceparent })
    // The connection is cut while the query waits for a lock, so there is no luck in which query it hits.
    const lock = await lockTables(tracing.databaseUrl, 'tasks')
    onTestFinished(() => lock.release())
    const failed = createCaller('01')
    const answer = user.get('/tasks', { traceparent: failed.traceparent })
    await eventually('the query waits', 60_000, () => lock.hasWaiter())
    await proxy.close()
    expect((await answer).status).toBe(503)

    const spans = await tracing.receiver.trace(failed.traceId, (some) =>
      some.some(({ kind }) => kind === spanKinds.server),
    )
    const request = spans.find(({ kind }) => kind === spanKinds.server)
    const query = spans.find(({ kind, status }) => kind === spanKinds.client && status.code === errorStatus)
    expect(query).toMatchObject({
      kind: spanKinds.client,
      status: { code: errorStatus, message: '' },
      events: [],
    })
    expect(query?.attributes['error.type']).toMatch(/^(CONNECTION_|ECONN|55P03)/)
    expect(request).toMatchObject({
      name: 'GET /tasks',
      status: { code: errorStatus, message: '' },
      events: [],
    })
    expect(request?.attributes).toMatchObject({
      'http.response.status_code': 503,
      'error.type': 'unavailable',
    })
    const mistake = await tracing.receiver.trace(
      mistaken.traceId,
      (some) => findSpan(some, 'GET /tasks/:id') !== undefined,
    )
    expect(findSpan(mistake, 'GET /tasks/:id')).toMatchObject({ status: { code: 0 } })
  })

  test('contains no values, tokens, passwords, addresses or queries of callers', async () => {
    const { client } = await tracing.start({})
    const canary = `canary${randomBytes(6).toString('hex')}`
    const account = { email: `${canary}@example.com`, password: `${canary} horse battery` }
    expect((await client.send('POST', '/auth/register', account)).status).toBe(201)
    // A statement that fails, with the value in the error's text.
    expect((await client.send('POST', '/auth/register', account)).status).toBe(409)
    const { client: user, session } = await client.register()
    await user.send('POST', '/tasks', { title: canary, description: canary, tags: [canary] })
    await user.get(`/tasks?q=${canary}`)
    await user.get(`/tasks/${canary}`)
    await user.get(`/${canary}`)
    await client.as(canary).get('/tasks', {
      'x-request-id': canary,
      'user-agent': canary,
      cookie: canary,
      baggage: `user=${canary}`,
    })
    const last = createCaller('01')
    await client.get('/health', { traceparent: last.traceparent })
    await tracing.receiver.trace(last.traceId, (some) => some.length === 1)
    const all = JSON.stringify((await tracing.receiver.received()).received)
    expect(all).toContain('users.insert')
    for (const secret of [
      canary,
      session.accessToken,
      session.refreshToken,
      session.user.email,
      'select ',
      'insert into',
    ])
      expect(all).not.toContain(secret)
  })
})

describe('sampling', () => {
  test('without sampling sends only traces of recording callers, as compressed JSON', async () => {
    await tracing.receiver.forget()
    const { client } = await tracing.start({
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=k%20v',
      OTEL_RESOURCE_ATTRIBUTES: 'team=blue',
      OTEL_SERVICE_NAME: 'todo-json',
      OTEL_METRICS_EXPORTER: 'none',
    })
    const { client: user } = await client.register()
    const silent = createCaller('00')
    expect(
      (await user.get('/tasks', { traceparent: silent.traceparent })).headers.get('traceparent'),
    ).toMatch(new RegExp(`^00-${silent.traceId}-[0-9a-f]{16}-00$`))
    expect((await user.get('/tasks')).headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    const recorded = createCaller('01')
    await user.get('/tasks', { traceparent: recorded.traceparent })
    await tracing.receiver.trace(recorded.traceId, (some) => findSpan(some, 'GET /tasks') !== undefined)

    const spans = await tracing.receiver.spans()
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([recorded.traceId]))
    expect(spans[0]?.resource).toMatchObject({
      'service.name': 'todo-json',
      team: 'blue',
      'telemetry.sdk.language': 'nodejs',
    })
    const { received } = await tracing.receiver.received()
    expect(new Set(received.map(({ path }) => path))).toEqual(new Set(['/v1/traces']))
    expect(received[0]).toMatchObject({
      contentType: 'application/json',
      headers: { 'content-encoding': 'gzip', 'x-key': 'k v' },
    })
    const { text } = await client.get('/metrics', { accept: 'application/openmetrics-text' })
    expect(new Set([...text.matchAll(/trace_id="([^"]*)"/g)].map(([, traceId]) => traceId))).toEqual(
      new Set([recorded.traceId]),
    )
  })
})
