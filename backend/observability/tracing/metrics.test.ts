import { setGlobalErrorHandler } from '@opentelemetry/core'
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { expect, onTestFinished, test } from 'vitest'
import { createRegistryProducer } from './metrics.ts'

function registryWith(make: (registers: Registry[]) => void) {
  const registry = new Registry()
  // As the service has it: this renames counters when it is read.
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
  make([registry])
  const producer = createRegistryProducer(registry, 1000, () => 2500)
  return {
    registry,
    read: async () =>
      (await producer.collect()).resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics),
  }
}

test('a counter is a monotonic cumulative sum, with the same name after /metrics', async () => {
  const { registry, read } = registryWith((registers) =>
    new Counter({ name: 'things_total', help: 'Things', labelNames: ['kind'], registers }).inc(
      { kind: 'a' },
      3,
    ),
  )
  const expected = {
    descriptor: { name: 'things_total', description: 'Things', unit: '' },
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints: [{ startTime: [1, 0], endTime: [2, 500_000_000], attributes: { kind: 'a' }, value: 3 }],
  }
  expect(await read()).toMatchObject([expected])
  await registry.metrics()
  expect(await read()).toMatchObject([expected])
})

test('a histogram has counts between its bounds, for each of its series', async () => {
  const { read } = registryWith((registers) => {
    const histogram = new Histogram({
      name: 'wait_seconds',
      help: 'Waits',
      labelNames: ['queue'],
      buckets: [1, 2, 5],
      registers,
    })
    for (const seconds of [0.5, 1, 1.5, 9]) histogram.observe({ queue: 'a' }, seconds)
    histogram.observe({ queue: 'b' }, 3)
  })
  expect(await read()).toMatchObject([
    {
      descriptor: { name: 'wait_seconds', unit: 's' },
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: [
        {
          attributes: { queue: 'a' },
          value: { buckets: { boundaries: [1, 2, 5], counts: [2, 1, 0, 1] }, sum: 12, count: 4 },
        },
        {
          attributes: { queue: 'b' },
          value: { buckets: { boundaries: [1, 2, 5], counts: [0, 0, 1, 0] }, sum: 3, count: 1 },
        },
      ],
    },
  ])
})

test('a gauge is read each time, without NaN, and a metric without series is omitted', async () => {
  let now = 1
  const { read } = registryWith((registers) => {
    const gauge: Gauge = new Gauge({
      name: 'depth_bytes',
      help: 'Depth',
      registers,
      collect: () => gauge.set(now),
    })
    new Gauge({ name: 'no_series', help: 'None', labelNames: ['x'], registers }).reset()
  })
  expect(await read()).toMatchObject([
    {
      descriptor: { name: 'depth_bytes', unit: 'By' },
      dataPointType: DataPointType.GAUGE,
      dataPoints: [{ attributes: {}, value: 1 }],
    },
  ])
  now = Number.NaN
  expect(await read()).toMatchObject([{ dataPoints: [] }])
})

test('a registry that cannot be read is an error of this export, not of the service', async () => {
  const errors: unknown[] = []
  setGlobalErrorHandler((error) => errors.push(error))
  onTestFinished(() => setGlobalErrorHandler(() => undefined))
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const unreadable = { getMetricsAsJSON: () => Promise.reject(new Error('no')) }
  const producer = createRegistryProducer(unreadable, 0, () => 0)
  const reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [producer] })
  const provider = new MeterProvider({ readers: [reader] })
  await provider.forceFlush()
  expect(errors).toMatchObject([{ message: 'no' }])
  expect(exporter.getMetrics()).toEqual([])
  await provider.shutdown()
})
