import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ProbeResult } from '../../record/index.ts'
import { selectFormat, serveMetrics } from './endpoint.ts'
import type { Endpoint } from './endpoint.ts'
import { toResultRegistry } from './result.ts'
import type { ResultTimes } from './result.ts'
import { createScheduledMetrics } from './scheduled.ts'

const start = Date.parse('2026-11-24T12:00:00Z')
const build = { version: '1.2.3', node: '24.0.0' }
const result = (more: Partial<ProbeResult> = {}): ProbeResult => ({
  name: 'health',
  outcome: 'up',
  startedAt: new Date(start).toISOString(),
  durationMs: 30,
  attempts: 1,
  steps: [{ step: 'get', ok: true, status: 200, durationMs: 30 }],
  ...more,
})

/** The samples of a text, by their whole name. */
const samples = (text: string): Record<string, number> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line): [string, number] => [
        line.slice(0, line.lastIndexOf(' ')),
        Number(line.slice(line.lastIndexOf(' ') + 1)),
      ]),
  )

describe('the metrics of a scheduler', () => {
  it('are there before the first run: unknown, with counters at zero', async () => {
    const found = samples(await createScheduledMetrics(['health'], build).text(start))
    expect(found).toMatchObject({
      'vigil_probe_outcome{probe="health",outcome="unknown"}': 1,
      'vigil_probe_runs_total{probe="health",outcome="down"}': 0,
      'vigil_probe_missed_runs_total{probe="health"}': 0,
      'vigil_probe_build_info{version="1.2.3",node="24.0.0"}': 1,
    })
    expect(Object.keys(found).filter((name) => name.startsWith('vigil_probe_success'))).toEqual([])
  })

  it('say what the latest run found, how late it began and how long its steps took', async () => {
    const metrics = createScheduledMetrics(['health'], build)
    metrics.ran(result(), 7, start + 45_000)
    metrics.ran(
      result({
        outcome: 'down',
        attempts: 2,
        startedAt: new Date(start + 30_000).toISOString(),
        steps: [{ step: 'get', ok: false, status: 0, durationMs: 9000, class: 'timeout' }],
      }),
      60,
      start + 75_000,
    )
    expect(samples(await metrics.text(start + 31_000))).toMatchObject({
      'vigil_probe_success{probe="health"}': 0,
      'vigil_probe_outcome{probe="health",outcome="down"}': 1,
      'vigil_probe_outcome{probe="health",outcome="up"}': 0,
      'vigil_probe_attempts{probe="health"}': 2,
      'vigil_probe_last_run_timestamp_seconds{probe="health"}': start / 1000 + 30,
      'vigil_probe_step_success{probe="health",step="get"}': 0,
      // What was never answered took no time that says anything of the target.
      'vigil_probe_step_duration_seconds_count{probe="health",step="get"}': 1,
      'vigil_probe_step_duration_seconds_bucket{le="0.05",probe="health",step="get"}': 1,
      'vigil_probe_schedule_lateness_seconds_bucket{le="0.01"}': 1,
      vigil_probe_schedule_lateness_seconds_count: 2,
      'vigil_probe_runs_total{probe="health",outcome="up"}': 1,
    })
  })

  it('become unknown once the next run is overdue; when the last one was stays', async () => {
    const metrics = createScheduledMetrics(['health'], build)
    metrics.ran(result(), 0, start + 45_000)
    expect(samples(await metrics.text(start + 45_000))).toHaveProperty(
      ['vigil_probe_success{probe="health"}'],
      1,
    )
    const stale = samples(await metrics.text(start + 45_001))
    expect(stale).toMatchObject({
      'vigil_probe_outcome{probe="health",outcome="unknown"}': 1,
      'vigil_probe_outcome{probe="health",outcome="up"}': 0,
      'vigil_probe_last_run_timestamp_seconds{probe="health"}': start / 1000,
    })
    expect(Object.keys(stale).filter((name) => /success|last_duration|probe_duration/.test(name))).toEqual([])
  })

  it('say when a result is overdue, which a run that found nothing out does not move', async () => {
    const metrics = createScheduledMetrics(['health'], build)
    metrics.nextDue('health', start + 60_000)
    metrics.ran(result(), 0, start + 45_000)
    expect(samples(await metrics.text(start + 50_000))).toMatchObject({
      'vigil_probe_next_due_timestamp_seconds{probe="health"}': start / 1000 + 60,
      'vigil_probe_valid_until_timestamp_seconds{probe="health"}': start / 1000 + 45,
    })
    const pushed = async (outcome: 'up' | 'unknown', times: ResultTimes): Promise<Record<string, number>> =>
      samples(await toResultRegistry(result({ outcome }), build, times).metrics())
    const nextDue = 'vigil_probe_next_due_timestamp_seconds{probe="health"}'
    expect(await pushed('up', { overdueMs: start + 5000 })).toMatchObject({ [nextDue]: start / 1000 + 5 })
    expect(await pushed('unknown', { overdueMs: start + 5000 })).toMatchObject({ [nextDue]: start / 1000 })
    expect(await pushed('up', {})).not.toHaveProperty([nextDue])
  })

  it('take a degraded target for one that works', async () => {
    const metrics = createScheduledMetrics(['health'], build)
    metrics.ran(result({ outcome: 'degraded' }), 0, start + 45_000)
    expect(samples(await metrics.text(start))).toMatchObject({
      'vigil_probe_success{probe="health"}': 1,
      'vigil_probe_outcome{probe="health",outcome="degraded"}': 1,
      'vigil_probe_outcome{probe="health",outcome="up"}': 0,
    })
  })

  it('count what was skipped, missed and hung, and carry the heartbeat and a certificate', async () => {
    const metrics = createScheduledMetrics(['health'], build)
    metrics.skipped('health')
    metrics.missed('health', 119)
    metrics.hung('health')
    metrics.beat(start)
    metrics.certificate('health', start + 1000)
    expect(samples(await metrics.text(start))).toMatchObject({
      'vigil_probe_skipped_runs_total{probe="health"}': 1,
      'vigil_probe_missed_runs_total{probe="health"}': 119,
      'vigil_probe_hung_runs_total{probe="health"}': 1,
      vigil_probe_heartbeat_timestamp_seconds: start / 1000,
      'vigil_probe_certificate_expiry_timestamp_seconds{probe="health"}': start / 1000 + 1,
    })
  })

  it('forget a step that the latest run did not come to', async () => {
    const metrics = createScheduledMetrics(['health'], build)
    metrics.ran(
      result({
        steps: [
          { step: 'one', ok: true, status: 200, durationMs: 1 },
          { step: 'two', ok: true, status: 200, durationMs: 1 },
        ],
      }),
      0,
      start + 1000,
    )
    metrics.ran(
      result({ outcome: 'down', steps: [{ step: 'one', ok: false, status: 500, durationMs: 1 }] }),
      0,
      start + 2000,
    )
    const found = samples(await metrics.text(start + 1500))
    expect(Object.keys(found).filter((name) => name.startsWith('vigil_probe_step_success'))).toEqual([
      'vigil_probe_step_success{probe="health",step="one"}',
    ])
  })
})

it('what is pushed has gauges only, under the names and helps that are scraped', async () => {
  const pushed = await toResultRegistry(result(), build, {
    certificateExpiresAtMs: start,
    validUntilMs: start,
    overdueMs: start,
  }).metrics()
  const scraped = createScheduledMetrics(['health'], build)
  scraped.ran(result(), 0, start + 1000)
  scraped.nextDue('health', start + 2000)
  const heads = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('#'))
  expect(heads(pushed).filter((line) => line.startsWith('# TYPE') && !line.endsWith(' gauge'))).toEqual([])
  expect(heads(await scraped.text(start))).toEqual(expect.arrayContaining(heads(pushed)))
})

describe('the endpoint', () => {
  const protobuf =
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
  const openMetrics = 'application/openmetrics-text;version=1.0.0'
  let endpoint: Endpoint | undefined
  afterEach(async () => endpoint?.close())
  const serve = async (text = async (): Promise<string> => 'a 1\n'): Promise<string> => {
    endpoint = await serveMetrics('127.0.0.1', 0, { text, protobuf: async () => Uint8Array.of(1, 2) })
    return endpoint.url
  }

  it('answers with the text, its type, and nothing to be kept', async () => {
    const response = await fetch(await serve())
    expect([
      response.status,
      await response.text(),
      response.headers.get('content-type'),
      response.headers.get('cache-control'),
    ]).toEqual([200, 'a 1\n', 'text/plain; version=0.0.4; charset=utf-8', 'no-store'])
  })

  it('answers in protobuf when that is preferred', async () => {
    const response = await fetch(await serve(), { headers: { accept: protobuf } })
    expect([[...(await response.bytes())], response.headers.get('content-type')]).toEqual([
      [1, 2],
      'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
    ])
  })

  it.each([
    [
      'Prometheus 2.42 with native histograms',
      `${protobuf},${openMetrics};q=0.8,text/plain;q=0.5,*/*;q=0.1`,
      'protobuf',
    ],
    ['Prometheus without', `${openMetrics},text/plain;version=0.0.4;q=0.5,*/*;q=0.1`, 'text'],
    ['a client that prefers text', `text/plain,${protobuf};q=0.5`, 'text'],
    ['a client that refuses protobuf', `${protobuf};q=0`, 'text'],
    ['protobuf of another message', 'application/vnd.google.protobuf;proto=other;encoding=delimited', 'text'],
    ['protobuf in another encoding', protobuf.replace('delimited', 'text'), 'text'],
    ['a browser', 'text/html,application/xml;q=0.9,*/*;q=0.8', 'text'],
    ['a client that does not say', undefined, 'text'],
    ['one that says nonsense', ';;q="=,', 'text'],
  ])('selects the format for %s', (_, accept, format) => {
    expect(selectFormat(accept)).toBe(format)
  })

  it.each([
    ['another path', 'GET', '/', 404],
    ['another method', 'POST', '/metrics', 405],
    ['its own path with a query', 'GET', '/metrics?x=1', 200],
    ['only the head', 'HEAD', '/metrics', 200],
  ])('for %s: %s %s gives %i', async (_, method, path, status) => {
    const response = await fetch(new URL(path, await serve()), { method })
    await response.arrayBuffer()
    expect(response.status).toBe(status)
  })

  it('says 500 when metrics cannot be collected, without why', async () => {
    const response = await fetch(await serve(async () => Promise.reject(new Error('secret'))))
    expect([response.status, (await response.text()).includes('secret')]).toEqual([500, false])
  })

  it('is closed despite an open connection, and its port is free again', async () => {
    const url = new URL(await serve())
    const held = connect(Number(url.port), '127.0.0.1')
    await new Promise((resolve) => held.once('connect', resolve))
    await endpoint?.close()
    const formats = { text: async () => '', protobuf: async () => new Uint8Array() }
    endpoint = await serveMetrics('127.0.0.1', Number(url.port), formats)
    await expect(serveMetrics('127.0.0.1', Number(url.port), formats)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    held.destroy()
  })
})
