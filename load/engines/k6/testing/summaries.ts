import { quantileGrid, toRises } from '../k6-runtime/metrics.ts'
import type { ScriptSummary, SummaryTrend } from '../k6-runtime/metrics.ts'

/**
 * What k6 reports of these samples: its percentiles interpolate between the samples around p·(n − 1)/100
 * (`metrics/sink.go`).
 */
export function trendOf(samples: readonly number[]): SummaryTrend {
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (index: number): number => sorted[Math.min(sorted.length - 1, Math.max(0, index))] ?? Number.NaN
  const quantiles = quantileGrid().map((percent) => {
    const place = (percent / 100) * (sorted.length - 1)
    const below = at(Math.floor(place))
    return below + (at(Math.ceil(place)) - below) * (place - Math.floor(place))
  })
  return {
    count: sorted.length,
    avg: sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length,
    min: at(0),
    max: at(sorted.length - 1),
    rises: toRises(quantiles),
  }
}

/** A summary of one step with these answered requests, as our script writes it. */
export function exampleSummary(
  changes: Partial<ScriptSummary> = {},
  latenciesMs: readonly number[] = [1, 2, 3],
): ScriptSummary {
  const latency = trendOf(latenciesMs)
  return {
    nonce: 'a-nonce',
    dropped: 0,
    warmups: 0,
    users: 10,
    lateness: trendOf([0.1, 0.2]),
    iterations: latency,
    connecting: null,
    limits: { files: 0, ports: 0 },
    steps: [{ latency, unanswered: 0, failed: {} }],
    complete: true,
    ...changes,
  }
}
