import { setTimeout as sleep } from 'node:timers/promises'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import type { Resource } from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Sampler } from '@opentelemetry/sdk-trace'
import type { Config } from '../../config/config.ts'
import type { OtelConfig, OtlpTarget } from '../../config/otel.ts'
import { randomHex } from '../../http/scope.ts'
import type { Log } from '../logs.ts'
import {
  ExportFailureLog,
  reportLibraryErrors,
  createMetricExporter,
  createSpanExporter,
} from './exporters.ts'
import { RegistryProducer } from './metrics.ts'
import type { MetricSource } from './metrics.ts'
import { Spans } from './spans.ts'

/** Sends traces and metrics to a collector. */
export interface Telemetry {
  /** Absent if only metrics are sent. */
  readonly tracing: Spans | undefined
  /** Sends the waiting data and stops, within `limitMs`. Data that is not sent by then is lost. */
  stop: (limitMs: number) => Promise<void>
}

export interface TelemetryDependencies {
  config: Pick<Config, 'host' | 'port' | 'environment'>
  registry: MetricSource
  log: Log
  /** Distinguishes this process from other instances. */
  instanceId: string
  /** In milliseconds since 1970, as is `startedAt`, the start of this process. */
  now: () => number
  startedAt: number
}

/** Limits of a span. Its attributes are few and short; the limits guard against mistakes. */
const spanLimits = {
  attributeCountLimit: 32,
  attributeValueLengthLimit: 256,
  eventCountLimit: 0,
  linkCountLimit: 4,
}

interface Provider {
  shutdown: () => Promise<void>
}

/**
 * Starts to send what `otel` configures. Only the library's error handler is global. No request waits for an
 * export: spans wait in a bounded queue, and what a collector does not accept in time is dropped and logged.
 */
export async function startTelemetry(
  otel: OtelConfig,
  dependencies: TelemetryDependencies,
): Promise<Telemetry> {
  const listening = reportLibraryErrors(new ExportFailureLog(dependencies.log, () => performance.now()))
  const ours = resourceFromAttributes({
    'service.instance.id': dependencies.instanceId,
    'deployment.environment.name': dependencies.config.environment,
    ...otel.resource,
  })
  const resource = defaultResource().merge(ours)
  const providers: Provider[] = []
  let tracing: Spans | undefined
  if (otel.traces !== undefined) {
    const provider = await createTracerProvider(otel, otel.traces, resource)
    tracing = new Spans(provider.getTracer('todo-backend'), dependencies.config, dependencies.now)
    providers.push(provider)
  }
  if (otel.metrics !== undefined)
    providers.push(await createMeterProvider(otel, otel.metrics, resource, dependencies))
  return {
    tracing,
    stop: async (limitMs) => {
      const ended = Promise.allSettled(providers.map((provider) => provider.shutdown()))
      await Promise.race([ended, sleep(limitMs, undefined, { ref: false })])
      listening.stop()
    },
  }
}

async function createTracerProvider(
  { batch, sampler }: OtelConfig,
  target: OtlpTarget,
  resource: Resource,
): Promise<TracerProvider> {
  const processor = new BatchSpanProcessor({
    exporter: await createSpanExporter(target),
    scheduledDelayMillis: batch.delayMs,
    maxQueueSize: batch.queue,
    maxExportBatchSize: batch.size,
    exportTimeoutMillis: target.timeoutMs,
  })
  return new TracerProvider({
    resource,
    spanLimits,
    sampler: createSampler(sampler),
    spanProcessors: [processor],
    // The library uses Math.random, with which two instances started together may generate the same ids.
    idGenerator: { generateTraceId: () => randomHex(16), generateSpanId: () => randomHex(8) },
  })
}

async function createMeterProvider(
  otel: OtelConfig,
  target: OtlpTarget,
  resource: Resource,
  dependencies: TelemetryDependencies,
): Promise<MeterProvider> {
  const timeoutMs = Math.min(target.timeoutMs, otel.metricIntervalMs)
  const reader = new PeriodicExportingMetricReader({
    exporter: await createMetricExporter({ ...target, timeoutMs }),
    exportIntervalMillis: otel.metricIntervalMs,
    exportTimeoutMillis: timeoutMs,
    metricProducers: [new RegistryProducer(dependencies.registry, dependencies.startedAt, dependencies.now)],
  })
  return new MeterProvider({ resource, readers: [reader] })
}

/** Creates the library's sampler for the configured one. */
export function createSampler({ ratio, parentBased }: OtelConfig['sampler']): Sampler {
  const inner = ratio === 0 ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio)
  const root = ratio === 1 ? new AlwaysOnSampler() : inner
  return parentBased ? new ParentBasedSampler({ root }) : root
}
