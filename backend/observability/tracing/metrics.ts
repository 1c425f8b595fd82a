import { ValueType } from '@opentelemetry/api'
import type { HrTime } from '@opentelemetry/api'
import { millisToHrTime } from '@opentelemetry/core'
import { emptyResource } from '@opentelemetry/resources'
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics'
import type {
  CollectionResult,
  DataPoint,
  Histogram,
  MetricData,
  MetricProducer,
} from '@opentelemetry/sdk-metrics'

/** A metric as the registry returns it, which differs from the library's types. */
interface Family {
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram' | 'summary'
  values: Sample[]
}

interface Sample {
  value: number
  metricName?: string
  labels: Record<string, string | number>
}

export interface MetricSource {
  getMetricsAsJSON: () => Promise<unknown>
}

interface Times {
  startTime: HrTime
  endTime: HrTime
}

/**
 * Exports the registry of `/metrics` as OTLP metrics, so both report the same numbers. Names and labels are
 * the same; counters and histograms are cumulative since `startedAt` (ms since 1970). The library's OTLP
 * encoders have no exemplars; `/metrics` has them.
 */
export class RegistryProducer implements MetricProducer {
  readonly #registry: MetricSource
  readonly #startTime: HrTime
  readonly #now: () => number

  constructor(registry: MetricSource, startedAt: number, now: () => number) {
    this.#registry = registry
    this.#startTime = millisToHrTime(startedAt)
    this.#now = now
  }

  async collect(): Promise<CollectionResult> {
    try {
      // oxlint-disable-next-line no-unsafe-type-assertion -- see Family
      const read = (await this.#registry.getMetricsAsJSON()) as Family[]
      const times = { startTime: this.#startTime, endTime: millisToHrTime(this.#now()) }
      const metrics = read.flatMap((family) => toMetric(family, times) ?? [])
      return {
        resourceMetrics: {
          resource: emptyResource(),
          scopeMetrics: [{ scope: { name: 'todo-backend' }, metrics }],
        },
        errors: [],
      }
    } catch (error) {
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics: [] }, errors: [error] }
    }
  }
}

function toMetric(family: Family, times: Times): MetricData | undefined {
  if (family.values.length === 0) return undefined
  const descriptor = {
    name: toMetricName(family),
    description: family.help,
    unit: toUnit(family.name),
    valueType: ValueType.DOUBLE,
  }
  const shared = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE }
  switch (family.type) {
    case 'counter':
      return {
        ...shared,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: family.values.map((sample) => toDataPoint(sample, times)),
      }
    case 'gauge':
      return {
        ...shared,
        dataPointType: DataPointType.GAUGE,
        dataPoints: family.values
          .filter(({ value }) => Number.isFinite(value))
          .map((sample) => toDataPoint(sample, times)),
      }
    case 'histogram':
      return { ...shared, dataPointType: DataPointType.HISTOGRAM, dataPoints: toHistograms(family, times) }
    case 'summary':
      // The service has no summaries, and OTLP discourages new ones.
      return undefined
  }
}

// The registry removes the suffix of counters when it writes OpenMetrics, which may or may not have happened
// before.
function toMetricName({ name, type }: Family): string {
  return type === 'counter' && !name.endsWith('_total') ? `${name}_total` : name
}

const units = [
  [/_seconds(_total)?$/, 's'],
  [/_bytes(_total)?$/, 'By'],
  [/_ratio$/, '1'],
] as const

function toUnit(name: string): string {
  return units.find(([pattern]) => pattern.test(name))?.[1] ?? ''
}

function toDataPoint({ value, labels }: Sample, times: Times): DataPoint<number> {
  return { ...times, attributes: labels, value }
}

function toHistograms({ name, values }: Family, times: Times): DataPoint<Histogram>[] {
  const series = Map.groupBy(values, ({ labels: { le: _le, ...labels } }) => JSON.stringify(labels))
  return [...series.values()].map((samples) => {
    const findValue = (ending: string): number =>
      samples.find(({ metricName }) => metricName === `${name}${ending}`)?.value ?? 0
    const buckets = samples
      .filter(({ metricName }) => metricName === `${name}_bucket`)
      .toSorted((a, b) => toUpperBound(a) - toUpperBound(b))
    const boundaries = buckets.map(toUpperBound).filter((bound) => Number.isFinite(bound))
    // The registry counts the values below each bound, OTLP those between two bounds.
    const counts = buckets.map(({ value }, index) => value - (buckets[index - 1]?.value ?? 0))
    const { le: _le, ...attributes } = samples[0]?.labels ?? {}
    return {
      ...times,
      attributes,
      value: { buckets: { boundaries, counts }, sum: findValue('_sum'), count: findValue('_count') },
    }
  })
}

function toUpperBound({ labels }: Sample): number {
  return labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le'])
}
