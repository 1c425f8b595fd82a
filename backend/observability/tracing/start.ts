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
import type { Config, OtelConfig, OtlpTarget, SamplerConfig } from '../../config/index.ts'
import { randomHex } from '../../db/ids.ts'
import type { Log } from '../logs.ts'
import { Complaints, listenToLibrary, metricExporter, spanExporter } from './exporters.ts'
import { RegistryProducer } from './metrics.ts'
import type { Registered } from './metrics.ts'
import { Spans } from './spans.ts'
import type { Telemetry } from './telemetry.ts'

export interface TelemetryParts {
  config: Pick<Config, 'host' | 'port' | 'environment'>
  registry: Registered
  log: Log
  /** Of this process; told apart from other instances by it. */
  instanceId: string
  /** Milliseconds since 1970, of now and of the start of this process. */
  now: () => number
  startedAt: number
}

/** What a span may hold at most: our own attributes are few and short, and a mistake shall not make them many. */
const spanLimits = {
  attributeCountLimit: 32,
  attributeValueLengthLimit: 256,
  eventCountLimit: 0,
  linkCountLimit: 4,
}

interface Provider {
  shutdown(): Promise<void>
}

/**
 * Sends what `otel` asks for. Nothing of the library is global but its error reports, and nothing waits for an export:
 * spans queue up to a bound, and what a collector does not take in time is dropped and complained of.
 */
export async function startTelemetry(otel: OtelConfig, parts: TelemetryParts): Promise<Telemetry> {
  const listening = listenToLibrary(new Complaints(parts.log, () => performance.now()))
  const ours = resourceFromAttributes({
    'service.instance.id': parts.instanceId,
    'deployment.environment.name': parts.config.environment,
    ...otel.resource,
  })
  const resource = defaultResource().merge(ours)
  const providers: Provider[] = []
  let tracing: Spans | undefined
  if (otel.traces !== undefined) {
    const provider = await tracerProvider(otel, otel.traces, resource)
    tracing = new Spans(provider.getTracer('todo-backend'), parts.config, parts.now)
    providers.push(provider)
  }
  if (otel.metrics !== undefined) providers.push(await meterProvider(otel, otel.metrics, resource, parts))
  return {
    tracing,
    stop: async (limitMs) => {
      await within(limitMs, Promise.allSettled(providers.map((provider) => provider.shutdown())))
      listening.stop()
    },
  }
}

async function tracerProvider(
  { batch, sampler }: OtelConfig,
  target: OtlpTarget,
  resource: Resource,
): Promise<TracerProvider> {
  const processor = new BatchSpanProcessor({
    exporter: await spanExporter(target),
    scheduledDelayMillis: batch.delayMs,
    maxQueueSize: batch.queue,
    maxExportBatchSize: batch.size,
    exportTimeoutMillis: target.timeoutMs,
  })
  return new TracerProvider({
    resource,
    spanLimits,
    sampler: samplerOf(sampler),
    spanProcessors: [processor],
    // The library's own come from Math.random, which two instances started at once may agree on.
    idGenerator: { generateTraceId: () => randomHex(16), generateSpanId: () => randomHex(8) },
  })
}

async function meterProvider(
  otel: OtelConfig,
  target: OtlpTarget,
  resource: Resource,
  parts: TelemetryParts,
): Promise<MeterProvider> {
  const timeoutMs = Math.min(target.timeoutMs, otel.metricIntervalMs)
  const reader = new PeriodicExportingMetricReader({
    exporter: await metricExporter({ ...target, timeoutMs }),
    exportIntervalMillis: otel.metricIntervalMs,
    exportTimeoutMillis: timeoutMs,
    metricProducers: [new RegistryProducer(parts.registry, parts.startedAt, parts.now)],
  })
  return new MeterProvider({ resource, readers: [reader] })
}

async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}

/** The library's sampler for the configured one. */
export function samplerOf({ ratio, parentBased }: SamplerConfig): Sampler {
  const root = rootSampler(ratio)
  return parentBased ? new ParentBasedSampler({ root }) : root
}

function rootSampler(ratio: number): Sampler {
  if (ratio === 1) return new AlwaysOnSampler()
  return ratio === 0 ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio)
}
