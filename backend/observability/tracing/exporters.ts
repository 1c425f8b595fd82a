import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Duplex } from 'node:stream'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { OtlpTarget } from '../../config/index.ts'

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
