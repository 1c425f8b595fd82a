import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { DiagLogLevel, diag } from '@opentelemetry/api'
import { setGlobalErrorHandler } from '@opentelemetry/core'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { OtlpTarget } from '../../config/otel.ts'
import type { Log } from '../logs.ts'

/** Concurrent exports. Beyond this, the next export is dropped. */
const concurrencyLimit = 8

/** Loads only the exporter of the configured protocol. */
export async function createSpanExporter(target: OtlpTarget): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    target.protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter(toExporterOptions(target))
}

/** `timeoutMs` must not exceed the interval between two exports. */
export async function createMetricExporter(target: OtlpTarget): Promise<PushMetricExporter> {
  const { OTLPMetricExporter } =
    target.protocol === 'http/json'
      ? await import('@opentelemetry/exporter-metrics-otlp-http')
      : await import('@opentelemetry/exporter-metrics-otlp-proto')
  return new OTLPMetricExporter(toExporterOptions(target))
}

function toExporterOptions({ url, headers, compression, timeoutMs }: OtlpTarget) {
  return {
    url,
    headers: { ...headers },
    compression: compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    timeoutMillis: timeoutMs,
    concurrencyLimit,
    httpAgentOptions: (protocol: string) =>
      shortLived(
        protocol === 'https:' ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false }),
        timeoutMs,
      ),
  }
}

/*
 * The library's timeout applies to silence only: a collector that sends a byte from time to time would block
 * an export and its spans forever. These agents open one connection per export and close it at the time
 * limit.
 */
function shortLived(agent: HttpAgent, limitMs: number): HttpAgent {
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
 * service. The reason is cleaned, because it may contain a collector's answer.
 */
export class ExportFailureLog {
  readonly #log: Log
  readonly #now: () => number
  /** On the monotonic clock. */
  #saidAt = Number.NEGATIVE_INFINITY
  #unsaid = 0

  constructor(log: Log, now: () => number) {
    this.#log = log
    this.#now = now
  }

  /** Records a failure. The first is logged immediately; those of the following minute are only counted. */
  note(error: unknown): void {
    if (this.#now() - this.#saidAt < reportIntervalMs) {
      this.#unsaid += 1
      return
    }
    this.#saidAt = this.#now()
    this.#log.warn(
      {
        stream: 'application',
        reason: describeReason(error),
        ...(this.#unsaid > 0 && { failuresSince: this.#unsaid }),
      },
      'telemetry was not delivered',
    )
    this.#unsaid = 0
  }
}

const ignore = (): void => undefined

/**
 * Redirects the library's reports to `failures`: failed exports are errors, full queues and refused parts are
 * warnings.
 */
export function reportLibraryErrors(complaints: ExportFailureLog): { stop: () => void } {
  setGlobalErrorHandler((error) => complaints.note(error))
  const note = (message: string): void => complaints.note(message)
  diag.setLogger(
    { error: note, warn: note, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
  return {
    stop: () => {
      diag.disable()
      setGlobalErrorHandler(ignore)
    },
  }
}

// One short line, because it may contain a collector's status text.
function describeReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = error instanceof Error ? error.message : String(error)
  const reason = [code, message]
    .filter((part) => part !== '')
    .join(': ')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
  return reason.length > maxReason ? `${reason.slice(0, maxReason)}…` : reason
}
