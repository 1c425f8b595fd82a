import { oneOf, pairs, text, url, wholeNumber, wordList } from './readings.ts'
import type { Read } from './readings.ts'

/**
 * What is sent to an OpenTelemetry collector, and how. Present only if at least one signal has an endpoint.
 */
export interface OtelConfig {
  traces: OtlpTarget | undefined
  metrics: OtlpTarget | undefined
  /** Attributes of the resource, `service.name` among them. */
  resource: Readonly<Record<string, string>>
  sampler: SamplerConfig
  /** Spans wait in a queue of `queue` and are sent every `delayMs` or as soon as there are `size`. */
  batch: { delayMs: number; queue: number; size: number }
  metricIntervalMs: number
}

export interface OtlpTarget {
  url: string
  protocol: 'http/protobuf' | 'http/json'
  headers: Readonly<Record<string, string>>
  compression: 'none' | 'gzip'
  timeoutMs: number
}

export interface SamplerConfig {
  /** The share of recorded traces, 0..1. */
  ratio: number
  /** Whether the sampling decision of the caller is used. */
  parentBased: boolean
}

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const
const protocols = ['http/protobuf', 'http/json'] as const
const signals = { TRACES: 'v1/traces', METRICS: 'v1/metrics' } as const

/**
 * The OTEL variables (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/). All are checked, even without an endpoint.
 */
export function readOtel(read: Read): OtelConfig | undefined {
  const disabled = read('OTEL_SDK_DISABLED', oneOf('true', 'false'), 'false') === 'true'
  read('OTEL_PROPAGATORS', wordList(/^(tracecontext|baggage)$/, 'tracecontext, baggage'), [])
  const config: OtelConfig = {
    traces: readTarget(read, 'TRACES'),
    metrics: readTarget(read, 'METRICS'),
    resource: readResource(read),
    sampler: readSampler(read),
    batch: readBatch(read),
    metricIntervalMs: read('OTEL_METRIC_EXPORT_INTERVAL', wholeNumber(100, 3_600_000), 60_000),
  }
  return disabled || (config.traces === undefined && config.metrics === undefined) ? undefined : config
}

// Settings of one signal override those for all signals. The path is appended only to the address for all
// signals.
function readTarget(read: Read, signal: keyof typeof signals): OtlpTarget | undefined {
  const exporter = read(`OTEL_${signal}_EXPORTER`, oneOf('otlp', 'none'), 'otlp')
  const own = `OTEL_EXPORTER_OTLP_${signal}`
  const all = 'OTEL_EXPORTER_OTLP'
  const http = url('http:', 'https:')
  const shared = read(`${all}_ENDPOINT`, http, undefined)
  const address = read(
    `${own}_ENDPOINT`,
    http,
    shared === undefined ? undefined : joinPath(shared, signals[signal]),
  )
  const target = {
    protocol: read(
      `${own}_PROTOCOL`,
      oneOf(...protocols),
      read(`${all}_PROTOCOL`, oneOf(...protocols), 'http/protobuf'),
    ),
    headers: { ...read(`${all}_HEADERS`, headers, {}), ...read(`${own}_HEADERS`, headers, {}) },
    compression: read(
      `${own}_COMPRESSION`,
      oneOf('none', 'gzip'),
      read(`${all}_COMPRESSION`, oneOf('none', 'gzip'), 'none'),
    ),
    timeoutMs: read(
      `${own}_TIMEOUT`,
      wholeNumber(100, 60_000),
      read(`${all}_TIMEOUT`, wholeNumber(100, 60_000), 10_000),
    ),
  }
  return exporter === 'none' || address === undefined ? undefined : { url: address, ...target }
}

const headers = pairs(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, /^[\t\x20-\x7e]*$/)

function joinPath(endpoint: string, path: string): string {
  const at = new URL(endpoint)
  at.pathname = `${at.pathname.replace(/\/+$/, '')}/${path}`
  return at.href
}

function readResource(read: Read): Record<string, string> {
  const attributes: Record<string, string> = read(
    'OTEL_RESOURCE_ATTRIBUTES',
    pairs(/^[\x21-\x7e]{1,255}$/, /^[^\p{Cc}]{0,255}$/u),
    {},
  )
  const name = read(
    'OTEL_SERVICE_NAME',
    text(/^[^\p{Cc}]{1,255}$/u, 'a name of at most 255 characters'),
    attributes['service.name'] ?? 'todo-backend',
  )
  return { ...attributes, 'service.name': name }
}

function readSampler(read: Read): SamplerConfig {
  const name = read('OTEL_TRACES_SAMPLER', oneOf(...samplers), 'parentbased_always_on')
  const ratio = Number(
    read('OTEL_TRACES_SAMPLER_ARG', text(/^(0(\.\d+)?|1(\.0+)?)$/, 'a ratio from 0 to 1'), '1'),
  )
  const parentBased = name.startsWith('parentbased_')
  if (name.endsWith('traceidratio')) return { ratio, parentBased }
  return { ratio: name.endsWith('always_on') ? 1 : 0, parentBased }
}

function readBatch(read: Read): OtelConfig['batch'] {
  const queue = read('OTEL_BSP_MAX_QUEUE_SIZE', wholeNumber(1, 100_000), 2048)
  return {
    delayMs: read('OTEL_BSP_SCHEDULE_DELAY', wholeNumber(10, 60_000), 5000),
    queue,
    size: read('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', wholeNumber(1, queue), Math.min(512, queue)),
  }
}
