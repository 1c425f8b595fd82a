import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { DiagLogLevel, diag } from '@opentelemetry/api'
import { setGlobalErrorHandler } from '@opentelemetry/core'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import type { Resource } from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Config } from '../../config/config.ts'
import type { OtelConfig, OtlpTarget } from '../../config/otel.ts'
import { randomHex } from '../../http/scope.ts'
import type { Log } from '../logs.ts'
import { createRegistryProducer } from './metrics.ts'
import type { MetricSource } from './metrics.ts'
import { Spans } from './spans.ts'

/** Sends traces and metrics to a collector. */
export interface Telemetry {
  /** Absent if only metrics are sent. */
  readonly tracing: Spans | undefined
  /** Sends the waiting data and stops, within `limitMs`. Data that is not sent by then is lost. */
  stop: (limitMs: number) => Promise<void>
}

interface TelemetryDependencies {
  config: Pick<Config, 'host' | 'port' | 'environment'>
  registry: MetricSource
  log: Log
  /** Distinguishes this process from other instances. */
  instanceId: string
  /** In milliseconds since 1970, as is `startedAt`, the start of this process. */
  now: () => number
  startedAt: number
}

/**
 * Starts to send what `otel` configures. Only the library's error handler is global. No request waits for an
 * export: spans wait in a bounded queue, and what a collector does not accept in time is dropped and logged.
 */
export async function startTelemetry(
  otel: OtelConfig,
  dependencies: TelemetryDependencies,
): Promise<Telemetry> {
  const { config, log, now, instanceId } = dependencies
  reportLibraryErrors(createFailureLog(log, () => performance.now()))
  const ours = resourceFromAttributes({
    'service.instance.id': instanceId,
    'deployment.environment.name': config.environment,
    ...otel.resource,
  })
  const resource = defaultResource().merge(ours)
  const tracers = otel.traces && (await createTracerProvider(otel, otel.traces, resource))
  const meters = otel.metrics && (await createMeterProvider(otel, otel.metrics, resource, dependencies))
  return {
    tracing: tracers && new Spans(tracers.getTracer('todo-backend'), config, now),
    stop: async (limitMs) => {
      const ended = Promise.allSettled([tracers?.shutdown(), meters?.shutdown()])
      await Promise.race([ended, sleep(limitMs, undefined, { ref: false })])
      reportLibraryErrors(ignore)
    },
  }
}

async function createTracerProvider(
  { batch, sampler }: OtelConfig,
  target: OtlpTarget,
  resource: Resource,
): Promise<TracerProvider> {
  const root = new TraceIdRatioBasedSampler(sampler.ratio)
  const processor = new BatchSpanProcessor({
    exporter: await createSpanExporter(target),
    scheduledDelayMillis: batch.delayMs,
    maxQueueSize: batch.queue,
    maxExportBatchSize: batch.size,
    exportTimeoutMillis: target.timeoutMs,
  })
  return new TracerProvider({
    resource,
    // Attributes are few and short; the limits guard against mistakes.
    spanLimits: {
      attributeCountLimit: 32,
      attributeValueLengthLimit: 256,
      eventCountLimit: 0,
      linkCountLimit: 4,
    },
    sampler: sampler.parentBased ? new ParentBasedSampler({ root }) : root,
    spanProcessors: [processor],
    // The library uses Math.random, with which two instances started together may generate the same ids.
    idGenerator: { generateTraceId: () => randomHex(16), generateSpanId: () => randomHex(8) },
  })
}

async function createMeterProvider(
  { metricIntervalMs }: OtelConfig,
  target: OtlpTarget,
  resource: Resource,
  { registry, startedAt, now }: TelemetryDependencies,
): Promise<MeterProvider> {
  const timeoutMs = Math.min(target.timeoutMs, metricIntervalMs)
  // Loads only the exporter of the configured protocol.
  const { OTLPMetricExporter } =
    target.protocol === 'http/json'
      ? await import('@opentelemetry/exporter-metrics-otlp-http')
      : await import('@opentelemetry/exporter-metrics-otlp-proto')
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(toExporterOptions({ ...target, timeoutMs })),
    exportIntervalMillis: metricIntervalMs,
    exportTimeoutMillis: timeoutMs,
    metricProducers: [createRegistryProducer(registry, startedAt, now)],
  })
  return new MeterProvider({ resource, readers: [reader] })
}

export async function createSpanExporter(target: OtlpTarget): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    target.protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter(toExporterOptions(target))
}

function toExporterOptions({ url, headers, compression, timeoutMs }: OtlpTarget) {
  return {
    url,
    headers,
    compression: compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    timeoutMillis: timeoutMs,
    // Beyond this, the next export is dropped.
    concurrencyLimit: 8,
    httpAgentOptions: (protocol: string) => createShortLivedAgent(protocol, timeoutMs),
  }
}

/**
 * The library's timeout applies to silence only: a collector that sends a byte from time to time would block
 * an export and its spans forever. This agent opens one connection per export and closes it at the limit.
 */
function createShortLivedAgent(protocol: string, limitMs: number): HttpAgent {
  const agent =
    protocol === 'https:' ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false })
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (...args) => {
    const socket = connect(...args)
    const end = (): void => void socket?.destroy(new Error('the export took too long'))
    const timer = setTimeout(end, limitMs).unref()
    return socket?.once('close', () => clearTimeout(timer))
  }
  return agent
}

const reportIntervalMs = 60_000
const maxReason = 200

/**
 * Logs lost telemetry at most once a minute: an unavailable collector must not fill the log of a working
 * service. The first failure is logged immediately; those of the following minute are only counted.
 */
export function createFailureLog(log: Log, now: () => number): (error: unknown) => void {
  let loggedAt = Number.NEGATIVE_INFINITY
  let unlogged = 0
  return (error) => {
    if (now() - loggedAt < reportIntervalMs) {
      unlogged += 1
      return
    }
    const failuresSince = unlogged > 0 ? unlogged : undefined
    loggedAt = now()
    unlogged = 0
    log.warn(
      { stream: 'application', reason: describeReason(error), failuresSince },
      'telemetry was not delivered',
    )
  }
}

const ignore = (): void => undefined

/** Passes the library's errors on: failed exports are errors, full queues and refused parts are warnings. */
function reportLibraryErrors(note: (error: unknown) => void): void {
  setGlobalErrorHandler(note)
  diag.setLogger(
    { error: note, warn: note, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
}

// One short line without control characters, because it may contain a collector's answer.
function describeReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? `${String(error.code)}: ` : ''
  const message = error instanceof Error ? error.message : String(error)
  const reason = `${code}${message}`.replaceAll(/[\p{Cc}\s]+/gu, ' ')
  return reason.length > maxReason ? `${reason.slice(0, maxReason)}…` : reason
}
