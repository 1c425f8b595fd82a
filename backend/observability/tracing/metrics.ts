import { ValueType } from '@opentelemetry/api'
import type { HrTime } from '@opentelemetry/api'
import { millisToHrTime } from '@opentelemetry/core'
import { emptyResource } from '@opentelemetry/resources'
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics'
import type { DataPoint, Histogram, MetricData, MetricProducer } from '@opentelemetry/sdk-metrics'

/** A metric as the registry returns it, which differs from the library's types. */
interface Family {
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram'
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
export function createRegistryProducer(
  registry: MetricSource,
  startedAt: number,
  now: () => number,
): MetricProducer {
  return {
    collect: async () => {
      // oxlint-disable-next-line no-unsafe-type-assertion -- see Family
      const families = (await registry.getMetricsAsJSON()) as Family[]
      const times = { startTime: millisToHrTime(startedAt), endTime: millisToHrTime(now()) }
      const metrics = families
        .filter(({ values }) => values.length > 0)
        .map((family) => toMetric(family, times))
      const scopeMetrics = [{ scope: { name: 'todo-backend' }, metrics }]
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] }
    },
  }
}

function toMetric({ name, help, type, values }: Family, times: Times): MetricData {
  const toPoint = ({ value, labels }: Sample): DataPoint<number> => ({ ...times, attributes: labels, value })
  // The registry removes the suffix of counters when it writes OpenMetrics, which may have happened before.
  const fullName = type === 'counter' && !name.endsWith('_total') ? `${name}_total` : name
  const unit = units.find(([pattern]) => pattern.test(name))?.[1] ?? ''
  const shared = {
    descriptor: { name: fullName, description: help, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  switch (type) {
    case 'counter':
      return {
        ...shared,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: values.map(toPoint),
      }
    case 'gauge': {
      const finite = values.filter(({ value }) => Number.isFinite(value))
      return { ...shared, dataPointType: DataPointType.GAUGE, dataPoints: finite.map(toPoint) }
    }
    case 'histogram':
      return {
        ...shared,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: toHistograms(name, values, times),
      }
  }
}

const units = [
  [/_seconds(_total)?$/, 's'],
  [/_bytes(_total)?$/, 'By'],
  [/_ratio$/, '1'],
] as const

function toHistograms(name: string, values: readonly Sample[], times: Times): DataPoint<Histogram>[] {
  const series = Map.groupBy(values, ({ labels: { le: _le, ...labels } }) => JSON.stringify(labels))
  return [...series.values()].map((samples) => {
    const find = (ending: string) => samples.filter(({ metricName }) => metricName === `${name}${ending}`)
    // In rising order of their bounds; the last one has none.
    const buckets = find('_bucket')
    const boundaries = buckets.slice(0, -1).map(({ labels }) => Number(labels['le']))
    // The registry counts the values below each bound, OTLP those between two bounds.
    const counts = buckets.map(({ value }, index) => value - (buckets[index - 1]?.value ?? 0))
    const { le: _le, ...attributes } = samples[0]?.labels ?? {}
    const sum = find('_sum')[0]?.value ?? 0
    return {
      ...times,
      attributes,
      value: { buckets: { boundaries, counts }, sum, count: buckets.at(-1)?.value ?? 0 },
    }
  })
}
