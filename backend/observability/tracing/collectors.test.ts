import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../testing/index.ts'
import type { BackendProcess } from '../../testing/index.ts'
import { OtlpReceiver } from '../../testing/otlp.ts'
import { createCaller, findSpan, useTracing } from '../testing/tracing.ts'

const tracing = useTracing()

describe('metrics', () => {
  test('arrive under the names and with the values of /metrics', async () => {
    await tracing.receiver.forget()
    const { client } = await tracing.start({ OTEL_TRACES_EXPORTER: 'none' })
    const { client: user } = await client.register()
    for (let count = 0; count < 3; count += 1) await user.send('POST', '/tasks', { title: `number ${count}` })
    await user.get('/tasks/no-id')
    const scraped = parseValues((await client.get('/metrics')).text)
    expect(scraped.get('task_operations_total{operation="create",result="success"}')).toBe(3)
    expect(scraped.size).toBeGreaterThan(50)
    let arrived = new Map<string, number>()
    await eventually('the last request is counted', 60_000, async () => {
      arrived = flatten(await tracing.receiver.metrics())
      return [...scraped].every(([series, value]) => arrived.get(series) === value)
    }).catch(() => undefined)
    expect(
      Object.fromEntries([...scraped].filter(([series, value]) => arrived.get(series) !== value)),
    ).toEqual({})
  })
})

describe('a collector that', () => {
  test('fails, is silent, drips or sends garbage delays no request and is logged once', async () => {
    const bad = await OtlpReceiver.start()
    onTestFinished(() => bad.end())
    const { backend, client } = await tracing.start({
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
        60_000,
        async () => (await bad.received()).attempts > before + 2,
      )
      await bad.behave('good')
      await bad.forget()
      await eventually(`spans arrive again after it was ${how}`, 60_000, async () => {
        await client.get('/health')
        return findSpan(await bad.spans(), 'GET /health') !== undefined
      })
    }
    expect(backend.lines().filter((line) => line['message'] === 'telemetry was not delivered')).toHaveLength(
      1,
    )
    expect(backend.stderr).toBe('')
  })

  test('works gets the waiting data at the stop, and an absent one does not delay it', async () => {
    const [connected, unconnected] = await Promise.all([
      tracing.start({ OTEL_BSP_SCHEDULE_DELAY: '60000', OTEL_METRIC_EXPORT_INTERVAL: '3600000' }),
      tracing.start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }),
    ])
    const from = createCaller('01')
    await Promise.all(
      [connected.client, unconnected.client].map((client) =>
        client.get('/health', { traceparent: from.traceparent }),
      ),
    )
    for (const { backend } of [connected, unconnected]) backend.signal('SIGTERM')
    // What does not end in time ends with 1.
    expect(await Promise.all([connected.backend.exit(), unconnected.backend.exit()])).toEqual([0, 0])
    expect((await tracing.receiver.spans()).filter(({ traceId }) => traceId === from.traceId)).toHaveLength(1)
  })
})

describe('without an endpoint', () => {
  test('only the API of OpenTelemetry is loaded, and a trace is still joined', async () => {
    const announce =
      'import { registerHooks } from "node:module"; registerHooks({ load: (url, context, next) => { ' +
      'if (url.includes("opentelemetry")) process.stderr.write(url + "\\n"); return next(url, context) } })'
    const preload = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(announce)}` }
    const [{ backend, client }, { backend: on }] = await Promise.all([
      tracing.start({ OTEL_EXPORTER_OTLP_ENDPOINT: '', ...preload }),
      tracing.start(preload),
    ])
    const from = createCaller('01')
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
function parseValues(text: string): Map<string, number> {
  const series = [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(
    ([, name = '', labels = '', value]): [string, number] => [
      formatSeries(name, labels.match(/\w+="[^"]*"/g) ?? []),
      Number(value),
    ],
  )
  return new Map(series.filter(([name]) => !changing.test(name)))
}

function formatSeries(name: string, labels: readonly string[]): string {
  return `${name}{${labels.toSorted().join(',')}}`
}

function flatten(metrics: Awaited<ReturnType<OtlpReceiver['metrics']>>): Map<string, number> {
  const series: [string, number][] = []
  for (const { name, gauge, sum, histogram } of metrics) {
    const pairs = (attributes: Record<string, unknown>): string[] =>
      Object.entries(attributes).map(([key, value]) => `${key}="${String(value)}"`)
    for (const { attributes, asDouble } of [...(gauge?.dataPoints ?? []), ...(sum?.dataPoints ?? [])])
      series.push([formatSeries(name, pairs(attributes)), asDouble])
    for (const point of histogram?.dataPoints ?? []) {
      const labels = pairs(point.attributes)
      let below = 0
      for (const [index, count] of point.bucketCounts.entries()) {
        below += count
        series.push([
          formatSeries(`${name}_bucket`, [...labels, `le="${point.explicitBounds[index] ?? '+Inf'}"`]),
          below,
        ])
      }
      series.push(
        [formatSeries(`${name}_sum`, labels), point.sum],
        [formatSeries(`${name}_count`, labels), point.count],
      )
    }
  }
  return new Map(series)
}
