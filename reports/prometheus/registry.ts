import { Gauge, Registry, Summary } from 'prom-client'
import type { OpenMetricsContentType } from 'prom-client'
import type { Family, Sample } from './family.ts'

/** The families in a registry of their own, as prom-client's Pushgateway wants them. Never the global one. */
export function registryOf(families: readonly Family[]): Registry<OpenMetricsContentType> {
  const registry = new Registry<OpenMetricsContentType>(Registry.OPENMETRICS_CONTENT_TYPE)
  for (const family of families) registry.registerMetric(family.type === 'summary' ? new ComputedSummary(family) : gaugeOf(family))
  return registry
}

function gaugeOf({ name, help, samples }: Family): Gauge {
  const labelNames = [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))]
  const gauge = new Gauge({ name, help, labelNames, registers: [] })
  for (const { labels, value } of samples) gauge.set(labels, value)
  return gauge
}

/** prom-client's own Summary computes quantiles from observations by an approximation; a record has the exact ones already. */
class ComputedSummary extends Summary {
  readonly #family: Family

  constructor(family: Family) {
    super({ name: family.name, help: family.help, registers: [] })
    this.#family = family
  }

  override async get(): ReturnType<Summary['get']> {
    return { ...(await super.get()), values: this.#family.samples.map((sample) => this.#value(sample)) }
  }

  #value({ labels, value, suffix = '' }: Sample): Awaited<ReturnType<Summary['get']>>['values'][number] {
    return { metricName: `${this.#family.name}${suffix}`, labels, value }
  }
}
