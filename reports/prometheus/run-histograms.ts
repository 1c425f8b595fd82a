import { countOf, toNativeSeries } from '../../record/index.ts'
import type { Histogram, NativeSeries } from '../../record/index.ts'
import type { RunReport } from '../input.ts'
import { labelSteps, seriesLabelsFor, toFamilies } from './run-metrics.ts'

/** Pushed with `pushgateway.nativeHistograms` only: text cannot have native histograms. */
export const runHistograms = {
  vigil_run_step_latency_seconds:
    'Latencies of each step in the latest run, as a native histogram and as classic buckets. Add those of ' +
    'suites and places; begins again with each run, so rate() of it means nothing.',
} as const

/** Of the classic buckets, in seconds: from a local answer to a slow page. */
const bounds = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

interface Value {
  labels: Record<string, string | number>
  value: number
  metricName: string
}

/** A run's metrics as they are pushed in protobuf. */
export interface PushedMetrics {
  families: { name: string; help: string; type: string; values: Value[] }[]
  native: Record<string, NativeSeries[]>
}

/** Everything that the text has, and the latencies of each step as a histogram. */
export function toPushedMetrics(report: RunReport): PushedMetrics {
  const name = 'vigil_run_step_latency_seconds'
  const families = toFamilies([report]).map(({ samples, ...family }) => ({
    ...family,
    values: samples.map(({ labels, value, suffix = '' }) => ({
      labels,
      value,
      metricName: `${family.name}${suffix}`,
    })),
  }))
  const steps = labelSteps(report.run.endpoints)
    .filter(([, { histogram }]) => countOf(histogram) > 0)
    .map(([step, endpoint]) => ({ labels: { ...seriesLabelsFor(report.run), step }, endpoint }))
  if (steps.length === 0) return { families, native: {} }
  const values = steps.flatMap(({ labels, endpoint }) => toClassic(name, labels, endpoint.histogram))
  const native = steps.map(({ labels, endpoint: { histogram, latency } }) =>
    toNativeSeries(
      labels,
      histogram.map(([upperMs, count]) => [upperMs / 1000, count]),
      (latency.meanMs * countOf(histogram)) / 1000,
    ),
  )
  return {
    families: [...families, { name, help: runHistograms[name], type: 'histogram', values }],
    native: { [name]: native },
  }
}

/** Cumulative counts. A record's bucket is in the one that holds its upper bound: at most 1 % off. */
function toClassic(name: string, labels: Record<string, string>, histogram: Histogram): Value[] {
  return [...bounds, Infinity].map((bound) => ({
    labels: { ...labels, le: bound },
    value: countOf(histogram.filter(([upperMs]) => upperMs / 1000 <= bound)),
    metricName: `${name}_bucket`,
  }))
}
