import { isMissingBudgets } from '../../baselines/index.ts'
import type { VerdictRow } from '../../baselines/index.ts'
import type { FailureClass, ProbeResult, Run } from '../../record/index.ts'
import type { ReportInput, RunReport } from '../input.ts'
import { findFirstFailureMs } from './cells.ts'
import { cleanText, countAnswered, formatDuration, formatRate, toPublicUrl } from './format.ts'

const maxSentences = 6
const maxNameLength = 80

/**
 * What to do next when a verdict is not a pass: one sentence each, without repetition, the likeliest cause
 * first.
 */
export function adviseNextSteps(input: ReportInput): string[] {
  const sentences = [...adviseOnProbes(input), ...input.runs.flatMap(adviseOnRun)]
  const suites = new Set(input.runs.map(({ run }) => run.suite))
  const others = input.verdict.rows.filter(
    (row) =>
      row.rule !== 'probe' && row.status === 'invalid' && (row.suite === undefined || !suites.has(row.suite)),
  )
  if (others.some((row) => row.metric === 'target'))
    sentences.push(
      'nothing was measured: start the service and check why it does not become ready, ' +
        'or correct target.url and target.ready in the config',
    )
  else if (others.some((row) => row.rule === 'push'))
    sentences.push(
      'check that the Pushgateway is up and that its URL is correct; the metrics are in metrics.prom',
    )
  else if (sentences.length === 0 && others.length > 0)
    sentences.push(
      'fix the problem that the invalid row names; vigil doctor lists the tools and limits of this machine',
    )
  if (sentences.length === 0 && input.verdict.verdict === 'invalid')
    sentences.push('nothing was judged: add suites with budgets, or probes, to the config')
  return [...new Set(sentences)].slice(0, maxSentences)
}

function adviseOnProbes({ probes, verdict }: ReportInput): string[] {
  const all = probes?.probes ?? []
  const down = all.filter(({ outcome }) => outcome === 'down')
  if (down.length > 0) return down.slice(0, 3).map(adviseOnProbeDown)
  // While something has certainly failed, a probe that could not be judged is not the first thing to check.
  if (verdict.verdict === 'fail' || !all.some(({ outcome }) => outcome === 'unknown')) return []
  return [
    'a probe could not be judged: run vigil probe --once again; ' +
      'if its outcome stays unknown, check the machine that runs the probes, not the service',
  ]
}

function adviseOnProbeDown({ name, steps }: ProbeResult): string {
  const failed = steps.find((step) => !step.ok)
  const hint = failed?.class === undefined ? undefined : unreachableHints[failed.class]
  const reason =
    hint ?? 'the service answers, but not as expected: read its log, then run vigil probe --once again'
  return `probe ${cleanText(name, maxNameLength)} is down: ${reason}`
}

function adviseOnRun(report: RunReport): string[] {
  const { run, verdict } = report
  const suite = cleanText(run.suite, maxNameLength)
  switch (verdict.verdict) {
    case 'pass':
      return []
    case 'fail':
      return adviseOnFailedRun(report)
    case 'invalid':
      return [adviseOnInvalidRun(run)]
    case 'inconclusive':
      if (verdict.rows.some(isMissingBudgets))
        return [`set budgets for suite ${suite} in the config, so that its runs are judged`]
      return [
        `measure ${suite} for more than ${formatDuration(run.durationMs)} (--duration) ` +
          'or at a higher load; ' +
          'the row states how many requests it needs',
      ]
  }
}

const unreachableHints: Partial<Record<FailureClass, string>> = {
  dns: 'its name does not resolve on this machine',
  connect:
    'nothing accepts connections at its address: check that the service is up and that the port is correct',
  tls: 'its certificate is not accepted: check its expiry, issuer and host name',
  timeout:
    'it accepts requests and does not answer: check what it waits for (database, locks, connection pool)',
  redirect: 'it redirects, usually to a login page: check the path and the credentials of the journey',
}

function adviseOnInvalidRun(run: Run): string {
  const { cpuRatio = 0, droppedArrivals = 0 } = run.generator ?? {}
  if (countAnswered(run) === 0) {
    const mostFrequent = (run.failures ?? []).toSorted((a, b) => b.count - a.count)[0]
    const hint = mostFrequent && unreachableHints[mostFrequent.class]
    const reason = hint ?? 'check that it is up and that the suite has journeys to run'
    return `${toPublicUrl(run.target.url)} did not answer: ${reason}`
  }
  const suite = cleanText(run.suite, maxNameLength)
  if (cpuRatio > 0.7 || droppedArrivals > 0)
    return (
      `the load generator was the bottleneck in ${suite}, not the service: lower the load, ` +
      'or run the generator on a separate machine; this run says nothing about the service'
    )
  return (
    `fix the reason above, then measure ${suite} again; ` +
    'vigil doctor shows whether this machine is fit to measure'
  )
}

/**
 * What to check first when a run broke its budgets: one sentence each for errors, latency, throughput and
 * memory.
 */
function adviseOnFailedRun({ run, verdict }: RunReport): string[] {
  const failed = verdict.rows.filter((row) => row.status === 'fail')
  const select = (...metrics: string[]): VerdictRow[] => failed.filter((row) => metrics.includes(row.metric))
  const errors = select('errorRate')
  const slow = select('p95Ms', 'p99Ms', 'meanMs')
  const throughput = select('requestsPerMinute')
  const memory = select('rssBytes')
  return [
    ...(errors.length > 0 ? [adviseOnErrors(run)] : []),
    ...(slow.length > 0 ? [adviseOnLatency(run, slow)] : []),
    // Errors and latency explain a low throughput. Alone, it is the load or the capacity.
    ...(throughput.length > 0 && errors.length + slow.length === 0
      ? [adviseOnThroughput(run, throughput)]
      : []),
    ...(memory.length > 0
      ? [
          'find what the service keeps in memory (caches, queues, listeners): ' +
            `take a heap snapshot under the load of ${cleanText(run.suite, maxNameLength)}`,
        ]
      : []),
  ]
}

const errorHints: Partial<Record<FailureClass, string>> = {
  connect: 'it stopped accepting connections: check whether it exited, restarted or ran out of sockets',
  timeout:
    'it accepts requests and does not answer in time: ' +
    'check what it waits for (database, locks, connection pool)',
  redirect: 'it redirects, usually to a login page: check the credentials of the journey',
}

function adviseOnErrors(run: Run): string {
  const suite = cleanText(run.suite, maxNameLength)
  const firstMs = findFirstFailureMs(run)
  const startedMs = Date.parse(run.startedAt)
  const when =
    firstMs === undefined || Number.isNaN(startedMs)
      ? `during ${suite}`
      : `from ${formatLogTime(startedMs + firstMs)}, when the first request of ${suite} failed`
  const classes = [...Map.groupBy(run.failures ?? [], (failure) => failure.class)].map(
    ([kind, failures]) => ({ kind, n: failures.reduce((sum, failure) => sum + failure.count, 0) }),
  )
  const mostFrequent = classes.toSorted((a, b) => b.n - a.n)[0]
  const hint = mostFrequent && errorHints[mostFrequent.kind]
  return `read the service's log ${when}${hint === undefined ? '' : `; ${hint}`}`
}

function formatLogTime(atMs: number): string {
  const at = new Date(atMs)
  return Number.isNaN(at.getTime()) ? 'the start' : `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function limitRatio({ actual = 0, limit = Infinity }: VerdictRow): number {
  return actual / limit
}

// A run is as slow as its slowest steps, so a step is named even when only the run as a whole broke its
// budget.
function adviseOnLatency(run: Run, rows: readonly VerdictRow[]): string {
  const suite = cleanText(run.suite, maxNameLength)
  const worst = rows
    .filter((row) => row.step !== null)
    .toSorted((a, b) => limitRatio(b) - limitRatio(a))[0]?.step
  const slowest = Object.entries(run.endpoints).toSorted(
    ([, a], [, b]) => b.latency.p95Ms - a.latency.p95Ms,
  )[0]?.[0]
  const step = worst ?? slowest
  const location = step === undefined ? suite : `${cleanText(step, maxNameLength)} in ${suite}`
  return (
    `start with ${location}: the report shows when it became slow; ` +
    'check what it waits for (database, locks, other services)'
  )
}

function adviseOnThroughput(run: Run, rows: readonly VerdictRow[]): string {
  const limit = Math.max(...rows.map((row) => row.limit ?? 0)) / 60
  const offered = run.generator?.offeredRps
  const suite = cleanText(run.suite, maxNameLength)
  if (offered !== undefined && offered < limit)
    return (
      `${suite} sends only ${formatRate(offered)} req/s, which cannot reach ${formatRate(limit)}: ` +
      'raise its load, or lower the budget'
    )
  return (
    `the service did not sustain the load of ${suite}: the report shows when that began; ` +
    'check its CPU, its connection pool and its database'
  )
}
