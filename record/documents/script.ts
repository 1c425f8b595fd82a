import { z } from 'zod'
import type { Known } from './schema-issue.ts'

/** At most this many metrics and this many checks of a user script are in a record. */
export const maxScriptEntries = 50

const count = z.int().nonnegative()

/** As k6 names them. */
export const scriptMetricSchema = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/)

/**
 * Non-cumulative counts by the upper bound of a bucket, bounds rising. Unlike a latency, a value may be
 * negative, and has the unit of its metric.
 */
const valueHistogram = z.array(z.tuple([z.number(), count])).max(100_000)
export type ValueHistogram = z.infer<typeof valueHistogram>

const kind = z.enum(['trend', 'counter', 'gauge', 'rate'])
export type ScriptMetricKind = z.infer<typeof kind>

/** A metric that a user script defines itself. */
export const scriptMetric = {
  type: kind.describe('Type of the metric, as k6 has it.'),
  unit: z.enum(['ms', 'bytes']).exactOptional().describe('Unit of the values; missing: a plain number.'),
  samples: count.describe('How many values were added.'),
  value: z
    .number()
    .describe('Trend: mean. Counter: sum. Gauge: last value. Rate: share of the samples that are not 0.'),
  perSecond: z.number().exactOptional().describe('Of a counter.'),
  min: z.number().exactOptional().describe('Least value, of a trend and a gauge.'),
  max: z.number().exactOptional().describe('Largest value, of a trend and a gauge.'),
  p50: z.number().exactOptional().describe('Median of a trend; percentiles are those of its histogram.'),
  p90: z.number().exactOptional().describe('90th percentile of a trend.'),
  p95: z.number().exactOptional().describe('95th percentile of a trend.'),
  p99: z.number().exactOptional().describe('99th percentile of a trend.'),
  histogram: valueHistogram
    .exactOptional()
    .describe('Of a trend: counts by the upper bound of a bucket, not cumulative, bounds rising.'),
  better: z
    .enum(['lower', 'higher'])
    .exactOptional()
    .describe('The better direction, by the limits on it: only then it is compared with accepted runs.'),
}
export type ScriptMetric = Known<typeof scriptMetric>

/** How often a check of a user script passed and failed, in all groups together. */
export const scriptCheck = {
  passes: count.describe('How often it passed.'),
  fails: count.describe('How often it failed.'),
}
export type ScriptCheck = Known<typeof scriptCheck>
