import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

const read = (name: string): unknown => parse(readFileSync(new URL(name, import.meta.url), 'utf8'))

type Parts = Record<string, unknown>
interface Collector {
  receivers: Parts
  processors: Parts
  exporters: Record<string, { endpoint: string }>
  service: {
    pipelines: Record<string, Record<'receivers' | 'processors' | 'exporters', string[]>>
    telemetry: { metrics: { readers: { pull: { exporter: { prometheus: { port: number } } } }[] } }
  }
}
const collector = read('collector.yaml') as Collector
const tempo = read('tempo.yaml') as {
  server: { http_listen_port: number }
  distributor: { receivers: { otlp: { protocols: Record<string, { endpoint: string }> } } }
}

/**
 * What the core distribution of the collector has, of what is used here
 * (github.com/open-telemetry/opentelemetry-collector-releases, distributions/otelcol).
 */
const inDistribution = {
  receivers: ['otlp'],
  processors: ['memory_limiter', 'batch'],
  exporters: ['otlp', 'otlphttp'],
} as const

describe('the collector', () => {
  it('uses parts that its distribution has, each defined and each in use', () => {
    for (const kind of ['receivers', 'processors', 'exporters'] as const) {
      const defined = Object.keys(collector[kind]).toSorted()
      const used = [
        ...new Set(Object.values(collector.service.pipelines).flatMap((pipeline) => pipeline[kind])),
      ].toSorted()
      expect(used).toEqual(defined)
      for (const name of defined) expect(inDistribution[kind]).toContain(name.split('/')[0])
    }
  })

  it('limits its memory before anything else, and sends in batches', () => {
    for (const { processors } of Object.values(collector.service.pipelines))
      expect([processors[0], processors.at(-1)]).toEqual(['memory_limiter', 'batch'])
  })

  it('sends traces to the port of Tempo, and exposes its own metrics where Prometheus scrapes them', () => {
    expect(collector.exporters['otlp/tempo']?.endpoint).toBe(
      `tempo:${tempo.distributor.receivers.otlp.protocols['grpc']?.endpoint.split(':').at(-1)}`,
    )
    const targets = readFileSync(new URL('../prometheus/prometheus.yml', import.meta.url), 'utf8')
    expect(targets).toContain(
      `otel-collector:${collector.service.telemetry.metrics.readers[0]?.pull.exporter.prometheus.port}`,
    )
    expect(targets).toContain(`tempo:${tempo.server.http_listen_port}`)
  })
})
