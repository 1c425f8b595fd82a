import { randomBytes } from 'node:crypto'
import sqlClient from 'postgres'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { BackendProcess, eventually, startTestPostgres } from '../../testing/index.ts'
import type { Client, TestPostgres } from '../../testing/index.ts'
import { errorStatus, OtlpReceiver, spanKinds } from '../../testing/otlp.ts'
import type { ReceivedSpan } from '../../testing/otlp.ts'
import { startProxy } from '../../testing/proxy.ts'

let postgres: TestPostgres
let databaseUrl: string
let receiver: OtlpReceiver

beforeAll(async () => {
  ;[postgres, receiver] = await Promise.all([startTestPostgres(), OtlpReceiver.start()])
  databaseUrl = await postgres.newDatabase()
})

afterAll(async () => {
  await Promise.all([postgres.close(), receiver.end()])
})

const soon = { OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_METRIC_EXPORT_INTERVAL: '250', CACHE_ENTRIES: '0' }

async function start(env: Record<string, string>): Promise<{ backend: BackendProcess; client: Client }> {
  const backend = new BackendProcess({
    DATABASE_URL: databaseUrl,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    ...soon,
    ...env,
  })
  onTestFinished(() => backend.end())
  return { backend, client: await backend.ready() }
}

interface Caller {
  traceId: string
  spanId: string
  traceparent: string
}

function caller(flags: '00' | '01'): Caller {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')]
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` }
}

/** Blocks readers of tasks until it is released. */
async function lockTasks(): Promise<{ hasWaiter: () => Promise<boolean>; release: () => Promise<void> }> {
  const client = sqlClient(databaseUrl, { max: 2, onnotice: () => undefined })
  const held = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  const holding = client.begin(async (tx) => {
    await tx.unsafe('lock table tasks in access exclusive mode')
    locked.resolve()
    await held.promise
  })
  await locked.promise
  return {
    hasWaiter: async () => (await client.unsafe('select from pg_locks where not granted')).length > 0,
    release: async () => {
      held.resolve()
      await holding
      await client.end({ timeout: 1 })
    },
  }
}

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan | undefined =>
  spans.find((one) => one.name === name)

describe('one trace', () => {
  test('spans caller, request, statements and job; log, exemplar and answer name it', async () => {
    const { backend, client } = await start({})
    const { client: user } = await client.register()
    await eventually(
      'jobs can be queued',
      15_000,
      async () => (await user.send('POST', '/exports', { format: 'json' })).status === 202,
    )
    const from = caller('01')
    const answer = await user.send(
      'POST',
      '/exports',
      { format: 'csv' },
      { traceparent: from.traceparent, tracestate: 'vendor=1' },
    )
    const spans = await receiver.trace(
      from.traceId,
      (some) => named(some, 'process export') !== undefined && named(some, 'POST /exports') !== undefined,
    )

    const request = named(spans, 'POST /exports')
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

    const insert = named(spans, 'exports.insert')
    expect(insert).toMatchObject({ kind: spanKinds.client, parentSpanId: request?.spanId })
    expect(insert?.attributes).toMatchObject({
      'db.system.name': 'postgresql',
      'db.query.summary': 'exports.insert',
      'db.namespace': expect.stringMatching(/^test_/) as unknown,
    })
    expect(insert?.startTimeUnixNano).toBeGreaterThanOrEqual(request?.startTimeUnixNano ?? Infinity)
    expect(insert?.endTimeUnixNano).toBeLessThanOrEqual(request?.endTimeUnixNano ?? 0)

    const job = named(spans, 'process export')
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
      expect(named(spans, name), name).toMatchObject({ parentSpanId: job?.spanId })

    await eventually('the job is logged', 5000, () =>
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

  test('shows where a request failed: the query by code, the request by kind, a caller error not at all', async () => {
    const proxy = await startProxy(databaseUrl)
    onTestFinished(() => proxy.close())
    const { client } = await start({ DATABASE_URL: proxy.url })
    const { client: user } = await client.register()
    const mistaken = caller('01')
    await user.get('/tasks/no-id', { traceparent: mistaken.traceparent })
    // The connection is cut while the query waits for a lock, so there is no luck in which query it hits.
    const lock = await lockTasks()
    onTestFinished(() => lock.release())
    const failed = caller('01')
    const answer = user.get('/tasks', { traceparent: failed.traceparent })
    await eventually('the query waits', 10_000, () => lock.hasWaiter())
    await proxy.close()
    expect((await answer).status).toBe(503)

    const spans = await receiver.trace(failed.traceId, (some) =>
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
    const mistake = await receiver.trace(
      mistaken.traceId,
      (some) => named(some, 'GET /tasks/:id') !== undefined,
    )
    expect(named(mistake, 'GET /tasks/:id')).toMatchObject({ status: { code: 0 } })
  })

  test('contains no text from callers: no statement values, tokens, passwords, addresses or queries', async () => {
    const { client } = await start({})
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
    const last = caller('01')
    await client.get('/health', { traceparent: last.traceparent })
    await receiver.trace(last.traceId, (some) => some.length === 1)
    const all = JSON.stringify((await receiver.received()).received)
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
  test('without sampling sends only traces of recording callers; as JSON, compressed, with the resource', async () => {
    await receiver.forget()
    const { client } = await start({
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
    const silent = caller('00')
    expect(
      (await user.get('/tasks', { traceparent: silent.traceparent })).headers.get('traceparent'),
    ).toMatch(new RegExp(`^00-${silent.traceId}-[0-9a-f]{16}-00$`))
    expect((await user.get('/tasks')).headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    const recorded = caller('01')
    await user.get('/tasks', { traceparent: recorded.traceparent })
    await receiver.trace(recorded.traceId, (some) => named(some, 'GET /tasks') !== undefined)

    const spans = await receiver.spans()
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([recorded.traceId]))
    expect(spans[0]?.resource).toMatchObject({
      'service.name': 'todo-json',
      team: 'blue',
      'telemetry.sdk.language': 'nodejs',
    })
    const { received } = await receiver.received()
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

describe('metrics', () => {
  test('arrive under the names and with the values of /metrics', async () => {
    await receiver.forget()
    const { client } = await start({ OTEL_TRACES_EXPORTER: 'none' })
    const { client: user } = await client.register()
    for (let count = 0; count < 3; count += 1) await user.send('POST', '/tasks', { title: `number ${count}` })
    await user.get('/tasks/no-id')
    const scraped = valuesOf((await client.get('/metrics')).text)
    expect(scraped.get('task_operations_total{operation="create",result="success"}')).toBe(3)
    expect(scraped.size).toBeGreaterThan(50)
    let arrived = new Map<string, number>()
    await eventually('the last request is counted', 10_000, async () => {
      arrived = flattened(await receiver.metrics())
      return [...scraped].every(([series, value]) => arrived.get(series) === value)
    }).catch(() => undefined)
    expect(
      Object.fromEntries([...scraped].filter(([series, value]) => arrived.get(series) !== value)),
    ).toEqual({})
  })
})

describe('a collector that', () => {
  test('fails, is silent, drips or sends garbage delays no request, is logged once, and gets later data', async () => {
    const bad = await OtlpReceiver.start()
    onTestFinished(() => bad.end())
    const { backend, client } = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: bad.endpoint,
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
      OTEL_BSP_MAX_QUEUE_SIZE: '20',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
    })
    for (const how of ['failing', 'silent', 'dripping', 'garbage'] as const) {
      await bad.behave(how)
      const before = (await bad.received()).attempts
      const answers = await Promise.all(Array.from({ length: 50 }, () => client.get('/health')))
      expect(new Set(answers.map(({ status }) => status)), how).toEqual(new Set([200]))
      await eventually(
        `several exports were tried while it is ${how}`,
        10_000,
        async () => (await bad.received()).attempts > before + 2,
      )
      await bad.behave('good')
      await bad.forget()
      await eventually(`spans arrive again after it was ${how}`, 15_000, async () => {
        await client.get('/health')
        return named(await bad.spans(), 'GET /health') !== undefined
      })
    }
    expect(backend.lines().filter((line) => line['message'] === 'telemetry was not delivered')).toHaveLength(
      1,
    )
    expect(backend.stderr).toBe('')
  })

  test('works gets the waiting data when the service stops, and an absent one does not delay the stop', async () => {
    const [connected, unconnected] = await Promise.all([
      start({ OTEL_BSP_SCHEDULE_DELAY: '60000', OTEL_METRIC_EXPORT_INTERVAL: '3600000' }),
      start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }),
    ])
    const from = caller('01')
    await Promise.all(
      [connected.client, unconnected.client].map((client) =>
        client.get('/health', { traceparent: from.traceparent }),
      ),
    )
    for (const { backend } of [connected, unconnected]) backend.signal('SIGTERM')
    // What does not end in time ends with 1.
    expect(await Promise.all([connected.backend.exit(), unconnected.backend.exit()])).toEqual([0, 0])
    expect((await receiver.spans()).filter(({ traceId }) => traceId === from.traceId)).toHaveLength(1)
  })
})

describe('without an endpoint', () => {
  test('only the OpenTelemetry API of the metrics library is loaded, and a trace is still joined', async () => {
    const announce =
      'import { registerHooks } from "node:module"; registerHooks({ load: (url, context, next) => { ' +
      'if (url.includes("opentelemetry")) process.stderr.write(url + "\\n"); return next(url, context) } })'
    const preload = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(announce)}` }
    const [{ backend, client }, { backend: on }] = await Promise.all([
      start({ OTEL_EXPORTER_OTLP_ENDPOINT: '', ...preload }),
      start(preload),
    ])
    const from = caller('01')
    const answer = await client.get('/health', { traceparent: from.traceparent })
    expect(answer.headers.get('traceparent')).toMatch(
      new RegExp(`^00-${from.traceId}-(?!${from.spanId})[0-9a-f]{16}-01$`),
    )
    const loaded = (some: BackendProcess): string[] => [
      ...new Set([...some.stderr.matchAll(/\/@opentelemetry\/([^/]+)/g)].map(([, name]) => name ?? '')),
    ]
    expect(loaded(backend)).toEqual(['api'])
    expect(loaded(on)).toEqual(
      expect.arrayContaining(['sdk-trace', 'sdk-metrics', 'exporter-trace-otlp-proto']),
    )
  })
})

const changingNames = [
  'process_|nodejs_|http_requests_in_flight|http_connections_active|db_pool|job_queue|db_query',
  'rate_limit_utilization',
].join('|')
const changing = new RegExp(`^(${changingNames})|route="/metrics"`)

/** The series of the text format by name and sorted labels, without those that change all the time. */
function valuesOf(text: string): Map<string, number> {
  const series = [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(
    ([, name = '', labels = '', value]): [string, number] => [
      seriesOf(name, labels.match(/\w+="[^"]*"/g) ?? []),
      Number(value),
    ],
  )
  return new Map(series.filter(([name]) => !changing.test(name)))
}

function seriesOf(name: string, labels: readonly string[]): string {
  return `${name}{${labels.toSorted().join(',')}}`
}

function flattened(metrics: Awaited<ReturnType<OtlpReceiver['metrics']>>): Map<string, number> {
  const series: [string, number][] = []
  for (const { name, gauge, sum, histogram } of metrics) {
    const pairs = (attributes: Record<string, unknown>): string[] =>
      Object.entries(attributes).map(([key, value]) => `${key}="${String(value)}"`)
    for (const { attributes, asDouble } of [...(gauge?.dataPoints ?? []), ...(sum?.dataPoints ?? [])])
      series.push([seriesOf(name, pairs(attributes)), asDouble])
    for (const point of histogram?.dataPoints ?? []) {
      const labels = pairs(point.attributes)
      let below = 0
      for (const [index, count] of point.bucketCounts.entries()) {
        below += count
        series.push([
          seriesOf(`${name}_bucket`, [...labels, `le="${point.explicitBounds[index] ?? '+Inf'}"`]),
          below,
        ])
      }
      series.push(
        [seriesOf(`${name}_sum`, labels), point.sum],
        [seriesOf(`${name}_count`, labels), point.count],
      )
    }
  }
  return new Map(series)
}
