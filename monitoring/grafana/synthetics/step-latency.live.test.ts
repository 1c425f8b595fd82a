import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { startPrometheus } from '../../../runtime/services/index.ts'
import type { Service } from '../../../runtime/services/index.ts'
import { parseExposition } from '../../../runtime/target/index.ts'
import { temporaryFolder } from '../../../runtime/testing/temporary-folder.ts'
import { requireTool } from '../../../runtime/tools/index.ts'
import { toBucketIndex, toUpperBound } from '../../../record/index.ts'
import { createScheduledMetrics, serveMetrics } from '../../../synthetics/metrics/index.ts'
import type { Endpoint, ScheduledMetrics } from '../../../synthetics/metrics/index.ts'
import { countOf, mergeHistograms, quantile as quantileOf } from '../../../record/index.ts'
import { pushReport, startGateway } from '../../../runtime/pushgateway/testing/gateway.ts'
import type { Gateway } from '../../../runtime/pushgateway/testing/gateway.ts'
import { runReport } from '../../../reports/testing/examples/index.ts'
import { runP95 } from './load-runs.ts'
import { stepP95 } from './probes.ts'

const startMs = Date.parse('2026-11-24T12:00:00Z')
const place = temporaryFolder('native-histogram')
/** Two places that probe the same target: one near it, and one far away with a fifth of the steps. */
const seconds = {
  near: Array.from({ length: 400 }, (_, index) => 0.01 * 1.005 ** index),
  far: Array.from({ length: 100 }, (_, index) => 0.2 * 1.02 ** index),
}
const pooled = [...seconds.near, ...seconds.far]
const pooledSum = pooled.reduce((total, value) => total + value, 0)
const daemons = { near: createDaemon(seconds.near), far: createDaemon(seconds.far) }
const endpoints: Endpoint[] = []
let gateway: Gateway
/** One suite from two places: one fast, and one slow that made a tenth of the requests. */
const runs = [
  { name: 'near', medianMs: 20, requests: 900 },
  { name: 'far', medianMs: 400, requests: 100 },
].map(({ name, medianMs, requests }) => {
  const report = runReport({ suite: 'steady', steps: { 'a/b': { requests, medianMs, spread: 0.3 } } })
  return { ...report, run: { ...report.run, environment: { ...report.run.environment, place: name } } }
})

function createDaemon(durations: readonly number[]): ScheduledMetrics {
  const metrics = createScheduledMetrics(['health', 'a "quoted"\\ name'], { version: '1', node: '24' })
  metrics.missed('health', 119)
  metrics.nextDue('health', startMs)
  observe(metrics, durations)
  return metrics
}

function observe(metrics: ScheduledMetrics, durations: readonly number[]): void {
  for (const duration of durations) {
    const durationMs = duration * 1000
    const steps = [{ step: 'get', ok: true, status: 200, durationMs }]
    const startedAt = new Date(startMs).toISOString()
    metrics.ran({ name: 'health', outcome: 'up', startedAt, durationMs, attempts: 1, steps }, 7, startMs)
  }
}

beforeAll(async () => {
  for (const { text, protobuf } of Object.values(daemons))
    endpoints.push(
      await serveMetrics('127.0.0.1', 0, {
        text: async () => text(startMs),
        protobuf: async () => protobuf(startMs),
      }),
    )
})
beforeAll(async () => {
  gateway = await startGateway()
  for (const run of runs) await pushReport({ url: gateway.url, ...run, native: true })
})
afterAll(async () => gateway.stop())
afterAll(async () => {
  for (const endpoint of endpoints) await endpoint.close()
})

async function scrapeBoth(name: string, flags: string[]): Promise<Service> {
  const folder = join(place, name)
  mkdirSync(folder)
  const targets = endpoints.map(({ url }, index) => ({
    targets: [new URL(url).host],
    labels: { place: Object.keys(daemons)[index] },
  }))
  const job = {
    job_name: 'probes',
    scrape_interval: '500ms',
    scrape_timeout: '500ms',
    static_configs: targets,
  }
  const pushed = {
    job_name: 'pushed',
    honor_labels: true,
    static_configs: [{ targets: [new URL(gateway.url).host] }],
  }
  const configFile = join(folder, 'prometheus.yml')
  writeFileSync(configFile, JSON.stringify({ scrape_configs: [job, { ...job, ...pushed }] }))
  const started = await startPrometheus({
    program: await requireTool('prometheus'),
    folder,
    configFile,
    flags,
  })
  if (started.state === 'failed') throw new Error(started.reason)
  return started.service
}

const vector = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        value: z
          .tuple([z.number(), z.string()])
          .transform(([, value]) => Number(value))
          .optional(),
      }),
    ),
  }),
})
type Result = z.infer<typeof vector>['data']['result']

async function query({ url }: Service, expr: string): Promise<Result> {
  const response = await fetch(`${url}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query: expr }),
  })
  return vector.parse(await response.json()).data.result
}

async function valueOf(prometheus: Service, expr: string): Promise<number | undefined> {
  return (await query(prometheus, expr))[0]?.value
}

/** The sample of nearest rank: it is in the bucket that `histogram_quantile` interpolates in. */
function quantile(samples: readonly number[], q: number): number {
  return samples.toSorted((a, b) => a - b)[Math.ceil(q * samples.length) - 1] ?? Number.NaN
}

function expectInBucket(found: number | undefined, exact: number): void {
  const index = toBucketIndex(exact)
  expect(found).toBeGreaterThan(toUpperBound(index - 1) * (1 - 1e-9))
  expect(found).toBeLessThanOrEqual(toUpperBound(index) * (1 + 1e-9))
}

const step = 'vigil_probe_step_duration_seconds'

let withNative: Service
let without: Service
beforeAll(async () => {
  ;[withNative, without] = await Promise.all([
    scrapeBoth('native', ['--enable-feature=native-histograms']),
    scrapeBoth('classic', []),
  ])
})
afterAll(async () => {
  await withNative.stop()
  await without.stop()
})

describe('a Prometheus with native histograms', () => {
  const waitForCount = async (count: number): Promise<void> => {
    const counted = async (): Promise<number | undefined> =>
      valueOf(withNative, `histogram_count(sum(${step}))`)
    await expect.poll(counted, { timeout: 20_000 }).toBe(count)
  }

  it('merges the latencies of two places to the quantiles of the pooled samples', async () => {
    await waitForCount(500)
    for (const q of [0.01, 0.5, 0.9, 0.95, 0.99, 1])
      expectInBucket(await valueOf(withNative, `histogram_quantile(${q}, sum(${step}))`), quantile(pooled, q))
    expect(await valueOf(withNative, `histogram_sum(sum(${step}))`)).toBeCloseTo(pooledSum, 6)
    for (const [name, own] of Object.entries(seconds))
      expectInBucket(
        await valueOf(withNative, `histogram_quantile(0.95, ${step}{place="${name}"})`),
        quantile(own, 0.95),
      )
  })

  it('reads the same values as from the text, for everything that is no native histogram', async () => {
    await waitForCount(500)
    const found = (await query(withNative, '{place="near", __name__=~"vigil_probe_.+"}'))
      .filter(({ value }) => value !== undefined)
      .map(({ metric, value }) => {
        const { __name__: name, job: _, instance: __, place: ___, ...labels } = metric
        return toRow(name, labels, value)
      })
    const expected = parseExposition(await daemons.near.text(startMs))
      .filter(({ name }) => !name.startsWith(step))
      .map(({ name, labels, value }) => toRow(name, readLabels(labels), value))
    expect(found.toSorted()).toEqual(expected.toSorted())
    expect(expected.length).toBeGreaterThan(30)
  })

  it('shows what came since, by rate', async () => {
    await waitForCount(500)
    await expect.poll(async () => valueOf(without, `sum(${step}_count)`), { timeout: 20_000 }).toBe(500)
    observe(
      daemons.near,
      Array.from({ length: 50 }, () => 0.05),
    )
    observe(
      daemons.far,
      Array.from({ length: 50 }, () => 3),
    )
    await waitForCount(600)
    const classic = async (): Promise<number | undefined> => valueOf(without, `sum(${step}_count)`)
    await expect.poll(classic, { timeout: 20_000 }).toBe(600)
    const panel = stepP95('probe="health"', '1m')
    const since = (q: number): string => `histogram_quantile(${q}, sum(rate(${step}[1m])))`
    expectInBucket(await valueOf(withNative, since(0.05)), 0.05)
    expectInBucket(await valueOf(withNative, since(0.95)), 3)
    expect(await valueOf(withNative, `histogram_sum(sum(${step}))`)).toBeCloseTo(pooledSum + 50 * 3.05, 6)
    expectInBucket(await valueOf(withNative, panel), 3)
    // From the classic buckets: somewhere between 2.5 s and 5 s.
    expect(await valueOf(without, panel)).toBeGreaterThan(3.5)
  })
})

describe('runs that were pushed', () => {
  const name = 'vigil_run_step_latency_seconds'
  const histograms = runs.map(({ run }) => run.endpoints['a/b']?.histogram ?? [])

  it('are merged to the quantiles of their pooled samples', async () => {
    const counted = async (): Promise<number | undefined> =>
      valueOf(withNative, `histogram_count(sum(${name}))`)
    const pooledRuns = mergeHistograms(histograms)
    await expect.poll(counted, { timeout: 20_000 }).toBe(countOf(pooledRuns))
    for (const q of [0.5, 0.85, 0.95, 0.99])
      expectInBucket(
        await valueOf(withNative, `histogram_quantile(${q}, sum(${name}))`),
        quantileOf(pooledRuns, q) / 1000,
      )
    for (const step of ['', 'a/b'])
      expectInBucket(
        await valueOf(withNative, runP95('suite="steady"', step)),
        quantileOf(pooledRuns, 0.95) / 1000,
      )
  })

  it('have classic buckets, and the figure of the slowest place, in a Prometheus without', async () => {
    const counted = async (): Promise<number | undefined> =>
      valueOf(without, `sum(${name}_bucket{le="+Inf"})`)
    await expect.poll(counted, { timeout: 20_000 }).toBe(countOf(mergeHistograms(histograms)))
    const slowest = Math.max(...runs.map(({ run }) => run.totals.latency.p95Ms))
    expect(await valueOf(without, runP95('suite="steady"', ''))).toBeCloseTo(slowest / 1000, 9)
  })
})

describe('a Prometheus without', () => {
  it('has the classic buckets, and no native histogram', async () => {
    const both = `count(${step}_bucket{le="+Inf"})`
    await expect.poll(async () => valueOf(without, both), { timeout: 20_000 }).toBe(2)
    expect(await query(without, step)).toEqual([])
  })
})

function readLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = '', value = '']) => [
      name,
      value.replaceAll(/\\(.)/g, '$1'),
    ]),
  )
}

/** Bounds as numbers: Prometheus writes `5.0` where the text has `5`. */
function toRow(name: string | undefined, labels: Record<string, string>, value: number | undefined): string {
  const bound =
    labels['le'] === undefined || labels['le'] === '+Inf' ? {} : { le: String(Number(labels['le'])) }
  return JSON.stringify([
    name,
    Object.entries({ ...labels, ...bound }).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    value,
  ])
}
