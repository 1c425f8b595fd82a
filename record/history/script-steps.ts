import type { Latency, Run, ScriptMetric } from '../index.ts'

/** As of a step. */
type Figures = Latency & Record<'requests' | 'errors', number>

/** Under these names history keeps what a user script counted itself, next to the steps of its requests. */
export const scriptPrefixes = { metric: 'metric/', check: 'check/' } as const

/** Whether the figures of a step are values of a script and not milliseconds. */
export function isScriptValue(step: string): boolean {
  return Object.values(scriptPrefixes).some((prefix) => step.startsWith(prefix))
}

/**
 * The metrics and checks of a user script as steps, so that one index serves both. A trend has its own
 * percentiles; whatever is one number has it in each column: the rate of a counter per second, the last
 * value of a gauge, the share of a rate, the share of a check that passed.
 */
export function scriptSteps({ scriptMetrics = {}, checks = {} }: Run): Record<string, Figures> {
  return Object.fromEntries([
    ...Object.entries(scriptMetrics)
      .filter(([, { samples }]) => samples > 0)
      .map(([name, metric]) => [`${scriptPrefixes.metric}${name}`, toFigures(metric)] as const),
    ...Object.entries(checks).map(([name, { passes, fails }]) => {
      const all = passes + fails
      const share = all === 0 ? 0 : passes / all
      return [`${scriptPrefixes.check}${name}`, { ...constant(share), requests: all, errors: fails }] as const
    }),
  ])
}

function toFigures({ samples, value, perSecond, p50, p90, p95, p99, max }: ScriptMetric): Figures {
  const single = constant(perSecond ?? value)
  const counted = { ...single, requests: samples, errors: 0 }
  if (p50 === undefined) return counted
  return {
    ...counted,
    meanMs: value,
    p50Ms: p50,
    p90Ms: p90 ?? value,
    p95Ms: p95 ?? value,
    p99Ms: p99 ?? value,
    maxMs: max ?? value,
  }
}

function constant(value: number): Latency {
  return { meanMs: value, p50Ms: value, p90Ms: value, p95Ms: value, p99Ms: value, maxMs: value }
}
