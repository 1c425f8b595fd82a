import type { VerdictWord } from './verdict.ts'

/** What the next step of a reason may name. */
export interface ReasonFacts {
  /** The suite, the probe or the step that the reason is about; `the suite` when it is about none. */
  subject: string
  /** The target's URL without credentials. */
  url: string
  /**
   * The command that was typed, with some of its options changed: `vigil load browse --duration 60`.
   * Undefined where it is not known, as in a report that is written again.
   */
  repeat: ((changes?: Readonly<Record<string, string>>) => string) | undefined
  /** The same with more data than before: longer, or with more pairs. */
  measureMore: string | undefined
}

/** What follows from a reason: the verdict, and with it the exit code, and what to do next. */
interface Reason {
  /** What happened, in one sentence without figures; the message of the row has those. */
  means: string
  verdict: Exclude<VerdictWord, 'pass'>
  /** Undefined: the message of the row says it, or nothing can be done. */
  next: ((facts: ReasonFacts) => string) | undefined
}

const run = ({ repeat }: ReasonFacts): string => (repeat === undefined ? 'run it again' : `run ${repeat()}`)
const more = ({ measureMore }: ReasonFacts): string => measureMore ?? 'measure longer, or with more runs'

/**
 * Why a verdict is not a pass. Each row that is not passed or skipped has one of these codes. The verdict,
 * with it the exit code, and the next step that every report prints come from here.
 */
export const reasons = {
  'target-dns': {
    means: "the target's host name does not resolve",
    verdict: 'invalid',
    next: ({ url }) => `the name in ${url} does not resolve on this machine: correct the URL, or its DNS`,
  },
  'target-connect': {
    means: 'nothing accepts connections at the target',
    verdict: 'invalid',
    next: ({ url }) =>
      `nothing accepts connections at ${url}: start the service, or correct target.url or --target`,
  },
  'target-tls': {
    means: 'the certificate of the target is not accepted',
    verdict: 'invalid',
    next: ({ url }) =>
      `the certificate of ${url} is not accepted: check its expiry, issuer and host name; ` +
      'target.ca names the file of a private authority',
  },
  'target-timeout': {
    means: 'the target accepts connections and does not answer in time',
    verdict: 'invalid',
    next: ({ url }) =>
      `${url} accepts connections and does not answer: check what it waits for ` +
      '(database, locks, connection pool)',
  },
  'target-redirect': {
    means: 'the target redirects to another address',
    verdict: 'invalid',
    next: () => 'give the URL that the target redirects to, in target.url or as --target',
  },
  'target-not-started': {
    means: 'the service that vigil starts did not become ready',
    verdict: 'invalid',
    next: () =>
      'correct what the service says, or target.command, target.env and target.ready in the config; ' +
      'its whole log is target.log in the folder of the run',
  },
  'target-address-taken': {
    means: 'another service answers where the target is to be started',
    verdict: 'invalid',
    next: ({ url, repeat }) =>
      `stop what answers at ${url}, or test it: ${repeat?.({ '--target': url }) ?? `--target ${url}`}`,
  },
  'target-ended': {
    means: 'the service ended while it was loaded',
    verdict: 'fail',
    next: () => 'the service ended under load: read the end of target.log in the folder of the run',
  },
  'target-busy': {
    means: 'another vigil measures the same target',
    verdict: 'invalid',
    next: (facts) => `wait for the other measurement, or end its process, then ${run(facts)}`,
  },
  'target-lock': {
    means: 'the lock of the target cannot be used',
    verdict: 'invalid',
    next: undefined,
  },
  'target-metrics': {
    means: 'the metrics that the config names cannot be read',
    verdict: 'invalid',
    next: () => 'correct target.metrics or its token (VIGIL_METRICS_TOKEN), or remove it from the config',
  },
  'memory-not-measured': {
    means: 'a budget limits memory, and nothing measured it',
    verdict: 'invalid',
    next: () => 'set target.metrics to the path of Prometheus metrics, or remove the budget rssBytes',
  },
  'users-not-prepared': {
    means: 'a step before the load failed, so no virtual user could begin',
    verdict: 'invalid',
    next: () => 'the journeys cannot begin: run vigil probe, which names the step and its answer',
  },
  interrupted: {
    means: 'the measurement was interrupted',
    verdict: 'invalid',
    next: (facts) => `it was interrupted: ${run(facts)}`,
  },
  'nothing-measured': {
    means: 'no request was made',
    verdict: 'invalid',
    next: (facts) => `check that ${facts.subject} has journeys to run, or ${more(facts)}`,
  },
  'tool-missing': {
    means: 'a tool that the measurement needs is missing',
    verdict: 'invalid',
    next: () => 'install what is missing; vigil doctor lists the tools and where they are looked for',
  },
  'engine-failed': {
    means: 'the load generator failed',
    verdict: 'invalid',
    next: (facts) => `${run(facts)}; if it fails again, vigil doctor checks the tools of this machine`,
  },
  'control-failed': {
    means: 'the baseline compared with itself was not equal',
    verdict: 'invalid',
    next: (facts) =>
      `make this machine idle, or use another one, then ${run(facts)}; vigil doctor --noise measures it`,
  },
  'generator-saturated': {
    means: 'the load generator, not the service, was the bottleneck',
    verdict: 'invalid',
    next: ({ subject }) =>
      `the load generator was the bottleneck in ${subject}, not the service: lower the load, or run the ` +
      'generator on a separate machine; this run says nothing about the service',
  },
  'shards-incomplete': {
    means: 'the shards did not make the whole load',
    verdict: 'invalid',
    next: (facts) =>
      `the shards did not make the whole load: correct what the reason names, then ${run(facts)}`,
  },
  'push-failed': {
    means: 'metrics had to be pushed and were not',
    verdict: 'invalid',
    next: () =>
      'check that the Pushgateway is up and that its URL is correct; the metrics are in metrics.prom',
  },
  'base-missing': {
    means: 'the revision to compare with cannot be had',
    verdict: 'invalid',
    next: (facts) => `correct the base, or fetch it (git fetch, fetch-depth: 0 in CI), then ${run(facts)}`,
  },
  'sides-not-prepared': {
    means: 'a revision could not be checked out or prepared',
    verdict: 'invalid',
    next: (facts) => `correct what the row names (target.prepare installs dependencies), then ${run(facts)}`,
  },
  'baseline-unusable': {
    means: 'the accepted runs cannot be used',
    verdict: 'invalid',
    next: undefined,
  },
  incomparable: {
    means: 'the two sides cannot be compared',
    verdict: 'invalid',
    next: (facts) => `correct what the row names, then ${run(facts)}`,
  },
  'step-not-requested': {
    means: 'a budget names a step that was never requested',
    verdict: 'invalid',
    next: ({ subject }) => `correct the name of ${subject} in budgets.steps, or load a journey that has it`,
  },
  'script-metric-missing': {
    means: 'a budget names a metric or check that the k6 script does not have',
    verdict: 'invalid',
    next: () => 'correct the name in budgets.metrics or budgets.checks, or what the script counts',
  },
  'mostly-failed': {
    means: 'most requests failed, so latencies say nothing',
    verdict: 'invalid',
    next: ({ subject }) => `find out first why most requests to ${subject} fail`,
  },
  'nothing-judged': {
    means: 'no check was made at all',
    verdict: 'invalid',
    next: () => 'nothing was judged: add suites with budgets, or probes, to the config',
  },
  unknown: {
    means: 'a check is invalid for another reason, which its row names',
    verdict: 'invalid',
    next: () => 'correct what the invalid row names; vigil doctor lists the tools and limits of this machine',
  },

  'errors-over-budget': {
    means: 'more requests failed than the budget allows',
    verdict: 'fail',
    next: undefined,
  },
  'latency-over-budget': {
    means: 'a latency exceeds its budget',
    verdict: 'fail',
    next: undefined,
  },
  'throughput-under-budget': {
    means: 'the service answered fewer requests than the budget requires',
    verdict: 'fail',
    next: undefined,
  },
  'memory-over-budget': {
    means: 'the service used more memory than the budget allows',
    verdict: 'fail',
    next: ({ subject }) =>
      'find what the service keeps in memory (caches, queues, listeners): ' +
      `take a heap snapshot under the load of ${subject}`,
  },
  'probe-down': {
    means: 'a probe is down',
    verdict: 'fail',
    next: undefined,
  },
  'threshold-crossed': {
    means: 'a threshold of a k6 script was crossed',
    verdict: 'fail',
    next: ({ subject }) => `read which limit of its own the script of ${subject} reports as broken`,
  },
  'script-limit': {
    means: 'a metric or a check of a k6 script breaks its budget',
    verdict: 'fail',
    next: ({ subject }) => `the script of ${subject} counts it: find out what changed what it counts`,
  },
  'script-failed': {
    means: 'a k6 script marked its run as failed',
    verdict: 'fail',
    next: ({ subject }) => `the script of ${subject} marked its run as failed: correct what it reports`,
  },
  regression: {
    means: 'the candidate is worse than the baseline',
    verdict: 'fail',
    next: () => 'read why, or find the commit: vigil ab --bisect <good> <bad>',
  },
  'worse-than-baseline': {
    means: 'the run is worse than the accepted runs',
    verdict: 'fail',
    next: () => 'find the commit: vigil ab --bisect <good> <bad>; vigil baseline waive accepts a known loss',
  },

  'too-few-samples': {
    means: 'too few requests to judge a budget',
    verdict: 'inconclusive',
    next: more,
  },
  undecided: {
    means: 'the difference is too close to the margin to decide',
    verdict: 'inconclusive',
    next: more,
  },
  'no-budgets': {
    means: 'the suite has no budgets',
    verdict: 'inconclusive',
    next: ({ subject }) => `set budgets for suite ${subject} in the config, so that its runs are judged`,
  },
  'probe-unknown': {
    means: 'a probe could not be judged',
    verdict: 'inconclusive',
    next: () =>
      'a probe could not be judged: run vigil probe --once again; ' +
      'if its outcome stays unknown, check the machine that runs the probes, not the service',
  },
} as const satisfies Record<string, Reason>

export type ReasonCode = keyof typeof reasons

/** Why something was not measured: its code, and one line that says what was found. */
export interface CodedReason {
  code: ReasonCode
  reason: string
}

export function isReasonCode(code: string | undefined): code is ReasonCode {
  return code !== undefined && Object.hasOwn(reasons, code)
}
