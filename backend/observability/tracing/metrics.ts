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
import { z } from 'zod'

// A gauge may say that it has no value, which is no number to the library that checks.
const reading = z.custom<number>((value) => typeof value === 'number')

/** What the registry gives, which the library's types describe otherwise. */
const families = z.array(
  z.object({
    name: z.string(),
    help: z.string(),
    type: z.enum(['counter', 'gauge', 'histogram', 'summary']),
    values: z.array(
      z.object({
        value: reading,
        metricName: z.string().optional(),
        labels: z.record(z.string(), z.union([z.string(), z.number()])),
      }),
    ),
  }),
)

type Family = z.infer<typeof families>[number]
type Sample = Family['values'][number]

export interface Registered {
  getMetricsAsJSON(): Promise<unknown>
}

interface Times {
  startTime: HrTime
  endTime: HrTime
}

/**
 * The registry behind `/metrics` as a source of OTLP metrics: one set of numbers, told in two ways, so they cannot
 * disagree. Names and labels are the same; counters and histograms are cumulative since `startedAt` (ms since 1970).
 * The library's OTLP encoders have no exemplars; those are on `/metrics`.
 */
export class RegistryProducer implements MetricProducer {
  readonly #registry: Registered
  readonly #startTime: HrTime
  readonly #now: () => number

  constructor(registry: Registered, startedAt: number, now: () => number) {
    this.#registry = registry
    this.#startTime = millisToHrTime(startedAt)
    this.#now = now
  }

  async collect(): Promise<CollectionResult> {
    try {
      const read = families.parse(await this.#registry.getMetricsAsJSON())
      const times = { startTime: this.#startTime, endTime: millisToHrTime(this.#now()) }
      const metrics = read.flatMap((family) => metricOf(family, times) ?? [])
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

function metricOf(family: Family, times: Times): MetricData | undefined {
  if (family.values.length === 0) return undefined
  const descriptor = {
    name: nameOf(family),
    description: family.help,
    unit: unitOf(family.name),
    valueType: ValueType.DOUBLE,
  }
  const shared = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE }
  switch (family.type) {
    case 'counter':
      return {
        ...shared,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: family.values.map((sample) => pointOf(sample, times)),
      }
    case 'gauge':
      return {
        ...shared,
        dataPointType: DataPointType.GAUGE,
        dataPoints: family.values
          .filter(({ value }) => Number.isFinite(value))
          .map((sample) => pointOf(sample, times)),
      }
    case 'histogram':
      return { ...shared, dataPointType: DataPointType.HISTOGRAM, dataPoints: histogramsOf(family, times) }
    case 'summary':
      // The service has none, and OTLP wants none new.
      return undefined
  }
}

// Written as OpenMetrics, the registry's counters lose their ending; whether they have been by now is not our concern.
function nameOf({ name, type }: Family): string {
  return type === 'counter' && !name.endsWith('_total') ? `${name}_total` : name
}

const units = [
  [/_seconds(_total)?$/, 's'],
  [/_bytes(_total)?$/, 'By'],
  [/_ratio$/, '1'],
] as const

function unitOf(name: string): string {
  return units.find(([pattern]) => pattern.test(name))?.[1] ?? ''
}

function pointOf({ value, labels }: Sample, times: Times): DataPoint<number> {
  return { ...times, attributes: labels, value }
}

function histogramsOf({ name, values }: Family, times: Times): DataPoint<Histogram>[] {
  const series = Map.groupBy(values, ({ labels: { le: _le, ...labels } }) => JSON.stringify(labels))
  return [...series.values()].map((samples) => {
    const valueOf = (ending: string): number =>
      samples.find(({ metricName }) => metricName === `${name}${ending}`)?.value ?? 0
    const buckets = samples
      .filter(({ metricName }) => metricName === `${name}_bucket`)
      .toSorted((a, b) => boundOf(a) - boundOf(b))
    const boundaries = buckets.map(boundOf).filter((bound) => Number.isFinite(bound))
    // The registry counts what is below each bound, OTLP what is between two.
    const counts = buckets.map(({ value }, index) => value - (buckets[index - 1]?.value ?? 0))
    const { le: _le, ...attributes } = samples[0]?.labels ?? {}
    return {
      ...times,
      attributes,
      value: { buckets: { boundaries, counts }, sum: valueOf('_sum'), count: valueOf('_count') },
    }
  })
}

function boundOf({ labels }: Sample): number {
  return labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le'])
}
