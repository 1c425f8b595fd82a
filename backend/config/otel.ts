import { oneOf, pairs, text, url, wholeNumber, wordList } from './readings.ts'
import type { Parser, Read } from './readings.ts'

/**
 * What is sent to an OpenTelemetry collector, and how. Present only if at least one signal has an endpoint.
 */
export type OtelConfig = NonNullable<ReturnType<typeof readOtel>>
export type OtlpTarget = NonNullable<ReturnType<typeof readTarget>>

/** Each also as `parentbased_…`, which uses the sampling decision of the caller. */
const samplers = ['always_on', 'always_off', 'traceidratio'] as const

/**
 * The OTEL variables (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/). All are checked, even without an endpoint.
 */
export function readOtel(read: Read) {
  const disabled = read('OTEL_SDK_DISABLED', oneOf('true', 'false'), 'false') === 'true'
  read('OTEL_PROPAGATORS', wordList(/^(tracecontext|baggage)$/, 'tracecontext, baggage'), [])
  const queue = read('OTEL_BSP_MAX_QUEUE_SIZE', wholeNumber(1, 100_000), 2048)
  const config = {
    traces: readTarget(read, 'TRACES', 'v1/traces'),
    metrics: readTarget(read, 'METRICS', 'v1/metrics'),
    resource: readResource(read),
    sampler: readSampler(read),
    /** Spans wait in a queue of `queue` and are sent every `delayMs` or as soon as there are `size`. */
    batch: {
      delayMs: read('OTEL_BSP_SCHEDULE_DELAY', wholeNumber(10, 60_000), 5000),
      queue,
      size: read('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', wholeNumber(1, queue), Math.min(512, queue)),
    },
    metricIntervalMs: read('OTEL_METRIC_EXPORT_INTERVAL', wholeNumber(100, 3_600_000), 60_000),
  }
  return disabled || (config.traces === undefined && config.metrics === undefined) ? undefined : config
}

/** Settings of one signal override those for all signals. */
function readTarget(read: Read, signal: string, path: string) {
  const setting = <T, D>(name: string, parser: Parser<T>, fallback: D) =>
    read(`OTEL_EXPORTER_OTLP_${signal}_${name}`, parser, read(`OTEL_EXPORTER_OTLP_${name}`, parser, fallback))
  const exporter = read(`OTEL_${signal}_EXPORTER`, oneOf('otlp', 'none'), 'otlp')
  const http = url('http:', 'https:')
  // The path is appended only to the address for all signals.
  const shared = read('OTEL_EXPORTER_OTLP_ENDPOINT', http, undefined)
  const address = read(`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`, http, shared && joinPath(shared, path))
  const target = {
    protocol: setting('PROTOCOL', oneOf('http/protobuf', 'http/json'), 'http/protobuf'),
    headers: {
      ...read('OTEL_EXPORTER_OTLP_HEADERS', headers, {}),
      ...read(`OTEL_EXPORTER_OTLP_${signal}_HEADERS`, headers, {}),
    },
    compression: setting('COMPRESSION', oneOf('none', 'gzip'), 'none'),
    timeoutMs: setting('TIMEOUT', wholeNumber(100, 60_000), 10_000),
  }
  return exporter === 'none' || address === undefined ? undefined : { url: address, ...target }
}

function joinPath(endpoint: string, path: string): string {
  const at = new URL(endpoint)
  at.pathname = `${at.pathname.replace(/\/+$/, '')}/${path}`
  return at.href
}

const headers = pairs(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+=[\t\x20-\x7e]*$/)

/** Attributes of the resource, `service.name` among them. */
function readResource(read: Read): Record<string, string> {
  const attributes = read(
    'OTEL_RESOURCE_ATTRIBUTES',
    pairs(/^[\x21-\x3c\x3e-\x7e]{1,255}=[^\p{Cc}]{0,255}$/u),
    {},
  )
  const serviceName = text(/^[^\p{Cc}]{1,255}$/u, 'a name of at most 255 characters')
  const name = read('OTEL_SERVICE_NAME', serviceName, undefined)
  return {
    'service.name': 'todo-backend',
    ...attributes,
    ...(name !== undefined && { 'service.name': name }),
  }
}

/** `ratio`: the share of recorded traces, 0..1. */
function readSampler(read: Read): { ratio: number; parentBased: boolean } {
  const names = oneOf(...samplers, ...samplers.map((name) => `parentbased_${name}` as const))
  const name = read('OTEL_TRACES_SAMPLER', names, 'parentbased_always_on')
  const share = text(/^(0(\.\d+)?|1(\.0+)?)$/, 'a ratio from 0 to 1')
  const ratio = Number(read('OTEL_TRACES_SAMPLER_ARG', share, '1'))
  const parentBased = name.startsWith('parentbased_')
  if (name.endsWith('traceidratio')) return { ratio, parentBased }
  return { ratio: name.endsWith('always_on') ? 1 : 0, parentBased }
}
