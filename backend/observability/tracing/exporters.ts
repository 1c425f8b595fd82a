import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Duplex } from 'node:stream'
import { DiagLogLevel, diag } from '@opentelemetry/api'
import { setGlobalErrorHandler } from '@opentelemetry/core'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { OtlpTarget } from '../../config/index.ts'
import type { Log } from '../logs.ts'

/** Exports under way at once; with more, what is to be sent next is given up. */
const concurrencyLimit = 8

/** Only the exporter of the configured protocol is loaded. */
export async function spanExporter(target: OtlpTarget): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    target.protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter(optionsOf(target))
}

/** `timeoutMs` may not be more than the interval between two exports. */
export async function metricExporter(target: OtlpTarget): Promise<PushMetricExporter> {
  const { OTLPMetricExporter } =
    target.protocol === 'http/json'
      ? await import('@opentelemetry/exporter-metrics-otlp-http')
      : await import('@opentelemetry/exporter-metrics-otlp-proto')
  return new OTLPMetricExporter(optionsOf(target))
}

function optionsOf({ url, headers, compression, timeoutMs }: OtlpTarget) {
  return {
    url,
    headers: { ...headers },
    compression: compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    timeoutMillis: timeoutMs,
    concurrencyLimit,
    httpAgentOptions: (protocol: string) =>
      protocol === 'https:' ? new ShortLivedHttps(timeoutMs) : new ShortLivedHttp(timeoutMs),
  }
}

type Connected = Duplex | null | undefined

/*
 * The library's time limit is one of silence: a collector that answers a byte now and then would hold an export, and
 * its spans, for good. A connection of these serves one export and is cut off when its time is over.
 */
class ShortLivedHttp extends HttpAgent {
  readonly #limitMs: number

  constructor(limitMs: number) {
    super({ keepAlive: false })
    this.#limitMs = limitMs
  }

  override createConnection(...args: Parameters<HttpAgent['createConnection']>): Connected {
    return cutOff(super.createConnection(...args), this.#limitMs)
  }
}

class ShortLivedHttps extends HttpsAgent {
  readonly #limitMs: number

  constructor(limitMs: number) {
    super({ keepAlive: false })
    this.#limitMs = limitMs
  }

  override createConnection(...args: Parameters<HttpsAgent['createConnection']>): Connected {
    return cutOff(super.createConnection(...args), this.#limitMs)
  }
}

function cutOff(socket: Connected, limitMs: number): Connected {
  if (socket === null || socket === undefined) return socket
  const timer = setTimeout(() => socket.destroy(new Error('the export took too long')), limitMs)
  timer.unref()
  return socket.once('close', () => clearTimeout(timer))
}

const quietMs = 60_000
const maxReason = 200

/**
 * Says that telemetry is being lost, at most once a minute however often it happens: a collector that is down must not
 * fill the log of a service that is well. Made by hand from what the library reports, which may hold a collector's answer.
 */
export class Complaints {
  readonly #log: Log
  readonly #now: () => number
  /** Of the monotonic clock. */
  #saidAt = Number.NEGATIVE_INFINITY
  #unsaid = 0

  constructor(log: Log, now: () => number) {
    this.#log = log
    this.#now = now
  }

  /** Notes one failure; the first is logged at once, those of the following minute only counted. */
  note(error: unknown): void {
    if (this.#now() - this.#saidAt < quietMs) {
      this.#unsaid += 1
      return
    }
    this.#saidAt = this.#now()
    this.#log.warn(
      {
        stream: 'application',
        reason: reasonOf(error),
        ...(this.#unsaid > 0 && { failuresSince: this.#unsaid }),
      },
      'telemetry was not delivered',
    )
    this.#unsaid = 0
  }
}

const ignore = (): void => undefined

/** Has the library report to `complaints`: failed exports as errors, full queues and refused parts as warnings. */
export function listenToLibrary(complaints: Complaints): { stop: () => void } {
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

// One line, bounded: a collector's status text can be part of it.
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = error instanceof Error ? error.message : String(error)
  const reason = [code, message]
    .filter((part) => part !== '')
    .join(': ')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
  return reason.length > maxReason ? `${reason.slice(0, maxReason)}…` : reason
}
