import type { FailureClass } from '../../../../record/index.ts'
import type { Address } from '../../../../journeys/client/index.ts'

/**
 * What our script inside k6 and the engine outside of it tell each other. No Node imports: k6 runs this file too.
 *
 * Each step has a latency metric of its own instead of one for all with tags: a sample without tags costs k6 less than
 * half, and sub-metrics by tag would keep every latency twice.
 */

/** What the script must know; written into its entry file as a literal. */
export interface ScriptPlan {
  run: string
  /** Proves that a summary or a log line is of this run and of our script: neither an old file nor a target can know it. */
  nonce: string
  address: Address
  /** Names of the journeys in the mix. */
  journeys: string[]
  /** Iteration i plays `journeys[cycle[i % cycle.length]]`. */
  cycle: number[]
  /** `journey/step` of every step in the mix; a step's number everywhere here is its place in this list. */
  steps: string[]
  ratePerSecond: number
  warmupMs: number
  durationMs: number
  requestTimeoutMs: number
  /** Different users; virtual user k acts as user (k - 1) mod users. */
  users: number
  preAllocated: number
  maxUsers: number
  /** One iteration in so many tells its latencies while the run goes on; shares no factor with the cycle, so that no journey is left out. */
  sampleEvery: number
  /** Absolute path of the file with what the users' `before` steps saved, or undefined when there are none. */
  contextsFile: string | undefined
  /** Absolute path where the summary is to be written. */
  summaryFile: string
}

/** The contexts file: what each user's `before` steps saved, by journey. */
export type PreparedContexts = Record<string, Record<string, unknown>[]>

/** Why a request failed on our side of the wire, so that the target is not blamed for it. */
export const clientLimits = ['files', 'ports'] as const
export type ClientLimit = (typeof clientLimits)[number]

/** The classes a request can fall into here; dropped arrivals are k6's own count. */
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
  /** Failed requests, tagged by step and class. Tags are dear, but failures are few, and a metric for each pair would be many. */
  failed: 'vigil_failed',
  failedAt: (step: number, failure: RequestFailureClass): string =>
    `vigil_failed{step:${step},class:${failure}}`,
  /** Failed requests that never got an answer: counted, but without a latency. */
  unanswered: 'vigil_unanswered',
  unansweredAt: (step: number): string => `vigil_unanswered{step:${step}}`,
  limit: (limit: ClientLimit): string => `vigil_limit_${limit}`,
  /** Milliseconds that k6 came to the ticks of a clock after they were due: its own lateness, whatever the target does. */
  lateness: 'vigil_lateness',
  /** k6's own, warm-up and all. */
  requests: 'http_reqs',
  dropped: 'dropped_iterations',
  users: 'vus_max',
  /** By a tag that virtual users set when the measurement begins, so that warm-up and clock stay out. */
  iterations: 'iteration_duration{phase:measure}',
  /** Iterations begun before the measurement. */
  warmups: 'vigil_warmups',
} as const

/**
 * After the measured time no journey begins, but those under way go on: for `drainMs` they may send their further steps,
 * and each request then has its own time limit. k6 cuts off what is left `marginMs` later, which should be nothing.
 */
export const startedLate = { drainMs: 5000, marginMs: 1000 } as const

/** How often the measured k6 is asked whether it still comes in time. */
export const tickMs = 50

/** So many of an iteration's latencies are told at most: a line of k6's log stays short. */
export const mostSampled = 100

/** What the script tells us while it runs, as `<nonce> <JSON>` on k6's log. */
export type ScriptMessage =
  | { say: 'started' }
  | { say: 'ended' }
  | { say: 'failure'; step: number; class: RequestFailureClass; atMs: number; example: string }
  | { say: 'sample'; latenciesMs: number[] }
  | { say: 'usage-error'; problem: string }

/** The summary our `handleSummary` writes. A step nobody reached has no latency. */
export interface ScriptSummary {
  nonce: string
  /** Arrivals that k6 dropped, in warm-up too, where `warmups` tells how many were begun. */
  dropped: number
  warmups: number
  /** Most virtual users that k6 had. */
  users: number
  /** Milliseconds that k6 came late to the ticks of its clock. */
  lateness: SummaryTrend | null
  /** How long each measured iteration kept a virtual user busy. */
  iterations: SummaryTrend | null
  limits: Record<ClientLimit, number>
  steps: SummaryStep[]
  /** Always last, so that a file cut short cannot lack it and still be read. */
  complete: true
}

export interface SummaryStep {
  latency: SummaryTrend | null
  unanswered: number
  failed: Partial<Record<RequestFailureClass, number>>
}

/** `quantiles[i]` belongs to `quantileGrid()[i]`. Milliseconds. */
export interface SummaryTrend {
  count: number
  avg: number
  min: number
  max: number
  quantiles: number[]
}

/**
 * The percentiles k6 is asked for: every 0.05 %, so that no bucket between two of them holds more than 0.1 % of the
 * samples or one sample, whatever their number; finer beyond p99, where budgets are. A function, because every virtual
 * user loads this file and only one of them needs it.
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
