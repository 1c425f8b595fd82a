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
  type: kind,
  /** Missing: a plain number. */
  unit: z.enum(['ms', 'bytes']).exactOptional(),
  samples: count,
  /** Trend: mean. Counter: sum. Gauge: last value. Rate: share of the samples that are not 0. */
  value: z.number(),
  /** Of a counter. */
  perSecond: z.number().exactOptional(),
  /** Of a trend and a gauge. */
  min: z.number().exactOptional(),
  max: z.number().exactOptional(),
  /** Of a trend, and equal to those of its histogram. */
  p50: z.number().exactOptional(),
  p90: z.number().exactOptional(),
  p95: z.number().exactOptional(),
  p99: z.number().exactOptional(),
  histogram: valueHistogram.exactOptional(),
  /** Which direction is better, by the limits on it: only then is it compared with accepted runs. */
  better: z.enum(['lower', 'higher']).exactOptional(),
}
export type ScriptMetric = Known<typeof scriptMetric>

/** How often a check of a user script passed and failed, in all groups together. */
export const scriptCheck = { passes: count, fails: count }
export type ScriptCheck = Known<typeof scriptCheck>
