import { Gauge, Registry, Summary } from 'prom-client'
import type { Family } from './family.ts'

/** The families in a registry of their own, as prom-client's Pushgateway wants them. Never the global one. */
export function registryOf(families: readonly Family[]): Registry {
  const registry = new Registry()
  for (const family of families)
    registry.registerMetric(
      family.type === 'summary' ? new ComputedSummary(family) : new ComputedGauge(family),
    )
  return registry
}

type SummaryObject = Awaited<ReturnType<Summary['get']>>
type GaugeObject = Awaited<ReturnType<Gauge['get']>>

/** prom-client's own Summary computes quantiles from observations by an approximation; a record has the exact ones already. */
class ComputedSummary extends Summary {
  readonly #family: Family

  constructor(family: Family) {
    super({ name: family.name, help: family.help, registers: [] })
    this.#family = family
  }

  override async get(): Promise<SummaryObject> {
    return { ...(await super.get()), values: valuesOf(this.#family) }
  }
}

/** prom-client's own Gauge tells series apart by their labels joined with commas and colons, which a suite's name may hold. */
class ComputedGauge extends Gauge {
  readonly #family: Family

  constructor(family: Family) {
    super({ name: family.name, help: family.help, registers: [] })
    this.#family = family
  }

  override async get(): Promise<GaugeObject> {
    return { ...(await super.get()), values: valuesOf(this.#family) }
  }
}

function valuesOf({
  name,
  samples,
}: Family): { metricName: string; labels: Record<string, string>; value: number }[] {
  return samples.map(({ labels, value, suffix }) => ({ metricName: `${name}${suffix ?? ''}`, labels, value }))
}
