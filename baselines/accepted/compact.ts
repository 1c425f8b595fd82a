import { mergeHistograms } from '../../record/index.ts'
import type { Bucket, Endpoint, Histogram, Run, ServerSide, Totals } from '../../record/index.ts'
import type { AcceptedRun } from './baseline.ts'

/**
 * Buckets this wide are narrow compared with the difference between runs, and a step has a few dozen of them.
 */
const width = Math.log(1.03)

/**
 * A histogram in buckets 3 % wide, whose bounds are the same for every run and have four digits: a file that
 * is committed and reviewed stays small. What is compared with it is made as compact, so that neither side is
 * rounded more than the other.
 */
export function compactHistogram(histogram: Histogram): Histogram {
  return mergeHistograms([
    histogram.flatMap(([upperMs, count]): Bucket[] => (count > 0 ? [[roundUpToBound(upperMs), count]] : [])),
  ])
}

function roundUpToBound(ms: number): number {
  if (ms <= 0) return 0
  // A bound that was rounded to its digits stays in its own bucket.
  const bucket = Math.ceil(Math.log(ms) / width - 0.02)
  return Number(Math.exp(bucket * width).toPrecision(4))
}

/**
 * A run as a baseline keeps it: the figures of the record as they were, its histograms compact (so a
 * percentile of those is up to 3 % higher).
 */
export function compactRun(run: Run): AcceptedRun {
  const { server } = run
  return {
    schema: 'vigil.run/1',
    id: run.id,
    startedAt: run.startedAt,
    durationMs: run.durationMs,
    ...(run.target.revision !== undefined && { revision: run.target.revision }),
    totals: roundTotals(run.totals),
    endpoints: Object.fromEntries(
      Object.entries(run.endpoints).map(([step, endpoint]): [string, Endpoint] => [
        step,
        { ...roundTotals(endpoint), histogram: compactHistogram(endpoint.histogram) },
      ]),
    ),
    ...(server && { server: roundServer(server) }),
  }
}

function roundTotals({ requests, errors, errorRate, throughputRps, latency }: Totals): Totals {
  const { meanMs, p50Ms, p90Ms, p95Ms, p99Ms, maxMs } = latency
  return {
    requests,
    errors,
    errorRate,
    throughputRps: roundDigits(throughputRps),
    latency: { meanMs: roundDigits(meanMs), p50Ms, p90Ms, p95Ms, p99Ms, maxMs },
  }
}

/** The figures that are compared; the others of a server are for the day they were measured. */
function roundServer({ cpuMsPerRequest, statementsPerRequest }: ServerSide): ServerSide {
  return {
    ...(cpuMsPerRequest !== undefined && { cpuMsPerRequest: roundDigits(cpuMsPerRequest) }),
    ...(statementsPerRequest !== undefined && { statementsPerRequest: roundDigits(statementsPerRequest) }),
  }
}

function roundDigits(value: number): number {
  return Number(value.toPrecision(6))
}
