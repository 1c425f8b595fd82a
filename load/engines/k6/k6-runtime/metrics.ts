import type { FailureClass } from '../../../../record/index.ts'

/*
 * The metrics that a load script counts in, and the summary that it writes of them. k6 runs this file too, so
 * it imports nothing of Node.
 *
 * Each step has a latency metric of its own instead of one metric with tags: a sample without tags costs k6
 * less than half, and sub-metrics by tag would keep every latency twice.
 */

/**
 * Resources that this machine can run out of, so that the target is not blamed for the request that failed.
 */
export const clientLimits = ['files', 'ports'] as const
export type ClientLimit = (typeof clientLimits)[number]

/** The classes a request can fail with here; dropped arrivals are counted by k6 itself. */
export const requestFailureClasses = [
  'dns',
  'connect',
  'tls',
  'timeout',
  'redirect',
  'status',
  'check',
] as const satisfies readonly FailureClass[]
export type RequestFailureClass = (typeof requestFailureClasses)[number]

export const metricNames = {
  latency: (step: number): string => `vigil_latency_${step}`,
  /** Milliseconds to open a connection, for each answered request for which one was opened. */
  connecting: 'vigil_connecting',
  /**
   * Failed requests, tagged by step and class. Tags are expensive, but failures are few, and a metric for
   * each pair would be many.
   */
  failed: 'vigil_failed',
  failedAt: (step: number, failure: RequestFailureClass): string =>
    `vigil_failed{step:${step},class:${failure}}`,
  /** Failed requests that were never answered: counted, but without a latency. */
  unanswered: 'vigil_unanswered',
  unansweredAt: (step: number): string => `vigil_unanswered{step:${step}}`,
  limit: (limit: ClientLimit): string => `vigil_limit_${limit}`,
  /** Milliseconds by which k6 missed the ticks of a clock: its own lateness, whatever the target does. */
  lateness: 'vigil_lateness',
  /** k6's own, warm-up included. */
  requests: 'http_reqs',
  dropped: 'dropped_iterations',
  users: 'vus_max',
  /**
   * Selected by a tag that virtual users set when the measurement begins, which excludes warm-up and clock.
   */
  iterations: 'iteration_duration{phase:measure}',
  /** Iterations begun before the measurement. */
  warmups: 'vigil_warmups',
} as const

/** Changed whenever a shard's summary counts something else, or is written in another way. */
export const shardFormat = 'vigil.shard/1'

/** The summary that `handleSummary` writes. A step that was never reached has no latency. */
export interface ScriptSummary {
  nonce: string
  /** Which part of the load it is of, where several processes share one. */
  shard?: { name: string; plan: string; format: string }
  /** Arrivals that k6 dropped, in the warm-up too, in which `warmups` were begun. */
  dropped: number
  warmups: number
  /** Most virtual users that k6 had. */
  users: number
  /** Milliseconds by which k6 missed the ticks of its clock. */
  lateness: SummaryTrend | null
  /** How long each measured iteration kept a virtual user busy. */
  iterations: SummaryTrend | null
  connecting: SummaryTrend | null
  limits: Record<ClientLimit, number>
  steps: SummaryStep[]
  /** Always the last field: a file that was cut short lacks it. */
  complete: true
}

export interface SummaryStep {
  latency: SummaryTrend | null
  unanswered: number
  failed: Partial<Record<RequestFailureClass, number>>
}

/** Milliseconds, except for the quantiles. */
export interface SummaryTrend {
  count: number
  avg: number
  min: number
  max: number
  /**
   * Of the quantiles of `quantileGrid()`: the first, and by how much each exceeds the one before. In whole
   * microseconds: a hundred shards report millions of them, and these take a sixth of the text.
   */
  rises: number[]
}

/**
 * The percentiles that k6 is asked for: every 0.05 %, so that no bucket between two of them holds more than
 * 0.1 % of the samples or one sample, whatever their number; finer beyond p99, where budgets are. A function,
 * because every virtual user loads this file and only one of them needs the list.
 */
export function quantileGrid(): number[] {
  return [
    ...range(0, 98.95, 0.05, 2),
    ...range(99, 99.89, 0.01, 2),
    ...range(99.9, 99.989, 0.001, 3),
    ...range(99.99, 99.9999, 0.0001, 4),
  ]
}

/** k6's name of a percentile in `summaryTrendStats` and in its summary. */
export function percentileName(percent: number): string {
  return `p(${percent})`
}

function range(from: number, to: number, step: number, digits: number): number[] {
  return Array.from({ length: Math.round((to - from) / step) + 1 }, (_, index) =>
    Number((from + index * step).toFixed(digits)),
  )
}

/** The part of `handleSummary`'s argument that is read here: the same in k6 1.x and 2.x. */
export interface K6Summary {
  metrics: Record<string, { values: Record<string, number> } | undefined>
}

/** The figures of the measurement, without those of k6's own metrics. */
export function summarize(
  plan: { nonce: string; steps: readonly string[]; shard?: { name: string; plan: string } },
  data: K6Summary,
): ScriptSummary {
  const count = (metric: string): number => data.metrics[metric]?.values['count'] ?? 0
  const [files, ports] = clientLimits
  return {
    nonce: plan.nonce,
    ...(plan.shard && {
      shard: { name: plan.shard.name, plan: plan.shard.plan, format: shardFormat },
    }),
    dropped: count(metricNames.dropped),
    warmups: count(metricNames.warmups),
    users: data.metrics[metricNames.users]?.values['max'] ?? 0,
    lateness: readTrend(data, metricNames.lateness),
    iterations: readTrend(data, metricNames.iterations),
    connecting: readTrend(data, metricNames.connecting),
    limits: { files: count(metricNames.limit(files)), ports: count(metricNames.limit(ports)) },
    steps: plan.steps.map((_, step) => ({
      latency: readTrend(data, metricNames.latency(step)),
      unanswered: count(metricNames.unansweredAt(step)),
      failed: Object.fromEntries(
        requestFailureClasses
          .map((failure) => [failure, count(metricNames.failedAt(step, failure))] as const)
          .filter(([, failures]) => failures > 0),
      ),
    })),
    complete: true,
  }
}

function readTrend(data: K6Summary, metric: string): SummaryTrend | null {
  const values = data.metrics[metric]?.values
  if (values === undefined || !values['count']) return null
  const { count = 0, avg = 0, min = 0, max = 0 } = values
  return {
    count,
    avg,
    min,
    max,
    rises: toRises(quantileGrid().map((percent) => values[percentileName(percent)] ?? Number.NaN)),
  }
}

/** Quantiles in milliseconds as a summary holds them. */
export function toRises(quantilesMs: readonly number[]): number[] {
  let below = 0
  return quantilesMs.map((ms) => {
    const micros = Math.round(ms * 1000)
    const rise = micros - below
    below = micros
    return rise
  })
}
