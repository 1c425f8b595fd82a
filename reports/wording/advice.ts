import { isMissingBudgets } from '../../baselines/index.ts'
import type { FailureClass, Run, ProbeResult } from '../../record/index.ts'
import type { ReportInput, RunReport } from '../input.ts'
import { countAnswered, formatDuration, cleanText, toPublicUrl, formatRate } from './format.ts'
import type { VerdictRow } from '../../baselines/index.ts'
import { findFirstFailureMs } from './cells.ts'

const maxSentences = 6

/** What to do next when a verdict is not a pass: one sentence each, none twice, the likeliest cause first. */
export function adviseNextSteps(input: ReportInput): string[] {
  const sentences = [...adviseOnProbes(input), ...input.runs.flatMap(adviseOnRun)]
  const known = new Set(input.runs.map(({ run }) => run.suite))
  const elsewhere = input.verdict.rows.filter(
    (row) =>
      row.rule !== 'probe' && row.status === 'invalid' && (row.suite === undefined || !known.has(row.suite)),
  )
  if (elsewhere.some((row) => row.metric === 'target'))
    sentences.push(
      'nothing was measured: start the service and see why it does not become ready, or correct target.url and target.ready in the config',
    )
  else if (elsewhere.some((row) => row.rule === 'push'))
    sentences.push(
      'check that the Pushgateway is up and its address is right; the metrics are kept in metrics.prom',
    )
  else if (sentences.length === 0 && elsewhere.length > 0)
    sentences.push(
      'mend what the invalid row names; vigil doctor shows which tools and limits this machine has',
    )
  if (sentences.length === 0 && input.verdict.verdict === 'invalid')
    sentences.push('nothing was judged: name suites with budgets, or probes, in the config')
  return [...new Set(sentences)].slice(0, maxSentences)
}

function adviseOnProbes({ probes, verdict }: ReportInput): string[] {
  const of = (outcome: ProbeResult['outcome']): ProbeResult[] =>
    (probes?.probes ?? []).filter((probe) => probe.outcome === outcome)
  const down = of('down')
  if (down.length > 0) return down.slice(0, 3).map(adviseOnProbeDown)
  // With something certain to mend, a probe that could not be judged is not what to begin with.
  if (of('unknown').length === 0 || verdict.verdict === 'fail') return []
  return [
    'a probe could not be judged: run it again with vigil probe --once; if it stays unknown, look at the machine that probes, not at the service',
  ]
}

function adviseOnProbeDown({ name, steps }: ProbeResult): string {
  const failed = steps.find((step) => !step.ok)
  const why = failed?.class === undefined ? undefined : unreachableHints[failed.class]
  return `probe ${cleanText(name, 80)} is down: ${why ?? 'the service answers, but not as its users need it; look into its log, then run vigil probe --once again'}`
}

function adviseOnRun(report: RunReport): string[] {
  const { run, verdict } = report
  switch (verdict.verdict) {
    case 'pass':
      return []
    case 'fail':
      return adviseOnFailedRun(report)
    case 'invalid':
      return [adviseOnInvalidRun(run)]
    case 'inconclusive':
      if (verdict.rows.some(isMissingBudgets))
        return [`set budgets for suite ${cleanText(run.suite, 80)} in the config to have its runs judged`]
      return [
        `measure ${cleanText(run.suite, 80)} longer than ${formatDuration(run.durationMs)} (--duration) or at a higher load; the row says how many requests it needs`,
      ]
  }
}

const unreachableHints: Partial<Record<FailureClass, string>> = {
  dns: 'its name does not resolve from this machine',
  connect: 'nothing accepts connections there: is the service up, and is this its port?',
  tls: 'its certificate is not accepted: check its expiry, its issuer and the host name in it',
  timeout: 'it accepts requests and does not answer: look at what it waits for (database, locks, pool)',
  redirect: 'it redirects, mostly to a login page: check the path and the credentials of the journey',
}

function adviseOnInvalidRun(run: Run): string {
  const { cpuRatio, droppedArrivals } = run.generator ?? {}
  if (countAnswered(run) === 0) {
    const first = (run.failures ?? []).toSorted((a, b) => b.count - a.count)[0]
    const why = first ? unreachableHints[first.class] : undefined
    return `${toPublicUrl(run.target.url)} answered nothing${why === undefined ? ': check that it is up and that the suite has journeys to run' : `: ${why}`}`
  }
  const suite = cleanText(run.suite, 80)
  if ((cpuRatio ?? 0) > 0.7 || (droppedArrivals ?? 0) > 0)
    return `the generator, not the target, was the limit in ${suite}: lower the load, or give the generator a machine of its own; this run says nothing about the target`
  return `measure ${suite} again once the reason above is mended; vigil doctor shows whether this machine is fit to measure`
}

/** Where to look first when a run broke its budgets: one sentence for errors, latency, throughput and memory each. */
export function adviseOnFailedRun({ run, verdict }: RunReport): string[] {
  const failed = verdict.rows.filter((row) => row.status === 'fail')
  const of = (...metrics: string[]): VerdictRow[] => failed.filter((row) => metrics.includes(row.metric))
  const [errors, slow, few, memory] = [
    of('errorRate'),
    of('p95Ms', 'p99Ms', 'meanMs'),
    of('requestsPerMinute'),
    of('rssBytes'),
  ]
  return [
    ...(errors.length > 0 ? [adviseOnErrors(run)] : []),
    ...(slow.length > 0 ? [adviseOnLatency(run, slow)] : []),
    // Errors and slowness are why fewer requests were answered; alone, it is the load or the capacity.
    ...(few.length > 0 && errors.length + slow.length === 0 ? [adviseOnThroughput(run, few)] : []),
    ...(memory.length > 0
      ? [
          `look for what the service keeps (caches, queues, listeners): a heap snapshot under the load of ${cleanText(run.suite, 80)} shows it`,
        ]
      : []),
  ]
}

const errorHints: Partial<Record<FailureClass, string>> = {
  connect: 'it stopped accepting connections: did it end, restart or run out of sockets?',
  timeout:
    'it accepts requests and does not answer in time: look at what it waits for (database, locks, pool)',
  redirect: 'it redirects, mostly to a login page: check the credentials of the journey',
}

function adviseOnErrors(run: Run): string {
  const firstMs = findFirstFailureMs(run)
  const began = Date.parse(run.startedAt)
  const when =
    firstMs === undefined || Number.isNaN(began)
      ? `during ${cleanText(run.suite, 80)}`
      : `from ${formatLogTime(began + firstMs)} on, when the first request of ${cleanText(run.suite, 80)} failed`
  const classes = [...Map.groupBy(run.failures ?? [], (failure) => failure.class)].map(
    ([kind, failures]) => ({ kind, n: failures.reduce((sum, failure) => sum + failure.count, 0) }),
  )
  const most = classes.toSorted((a, b) => b.n - a.n)[0]
  const hint = most && errorHints[most.kind]
  return `read the service's log ${when}${hint === undefined ? '' : `; ${hint}`}`
}

function formatLogTime(atMs: number): string {
  const at = new Date(atMs)
  return Number.isNaN(at.getTime())
    ? 'the beginning'
    : `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function limitRatio({ actual = 0, limit = Infinity }: VerdictRow): number {
  return actual / limit
}

// A whole run is as slow as its slowest steps, so a step is named even when only the whole broke its budget.
function adviseOnLatency(run: Run, rows: readonly VerdictRow[]): string {
  const worst = rows
    .filter((row) => row.step !== null)
    .toSorted((a, b) => limitRatio(b) - limitRatio(a))[0]?.step
  const slowest = Object.entries(run.endpoints).toSorted(
    ([, a], [, b]) => b.latency.p95Ms - a.latency.p95Ms,
  )[0]?.[0]
  const step = worst ?? slowest
  const where =
    step === undefined ? cleanText(run.suite, 80) : `${cleanText(step, 80)} in ${cleanText(run.suite, 80)}`
  return `begin with ${where}: the report shows since when it was slow; look at what it waits for (database, locks, other services)`
}

function adviseOnThroughput(run: Run, rows: readonly VerdictRow[]): string {
  const limit = Math.max(...rows.map((row) => row.limit ?? 0)) / 60
  const offered = run.generator?.offeredRps
  const suite = cleanText(run.suite, 80)
  if (offered !== undefined && offered < limit)
    return `${suite} sends only ${formatRate(offered)} req/s, which cannot reach ${formatRate(limit)}: raise its load, or lower the budget`
  return `the service did not keep up with the load of ${suite}: the report shows since when; look at its CPU, its pool and its database`
}
