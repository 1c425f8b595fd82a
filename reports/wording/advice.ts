import { amount, findReason, reasons } from '../../baselines/index.ts'
import type { ReasonCode, VerdictRow } from '../../baselines/index.ts'
import { countOf } from '../../record/index.ts'
import type { FailureClass, ProbeResult, Run } from '../../record/index.ts'
import type { ReportInput, RunReport } from '../input.ts'
import { findFirstFailureMs } from './cells.ts'
import { cleanText, formatDuration, formatRate, toPublicUrl, composeCommand } from './format.ts'

const maxSentences = 6
const maxNameLength = 80

/**
 * What to do next when a verdict is not a pass: one sentence each, without repetition, the likeliest cause
 * first. Each comes from the table of reasons by the code of a row.
 */
export function adviseNextSteps(input: ReportInput): string[] {
  const suites = new Set(input.runs.map(({ run }) => run.suite))
  const others = input.verdict.rows.filter(
    (row) =>
      row.rule !== 'probe' && row.status === 'invalid' && (row.suite === undefined || !suites.has(row.suite)),
  )
  const sentences = [
    ...adviseOnProbes(input),
    ...(input.comparison ? adviseOnComparison(input) : []),
    ...input.runs.flatMap((report) => adviseOnRun(report, input)),
    ...others.flatMap((row) => adviseOnRow(row, input)),
  ]
  if (sentences.length === 0 && input.verdict.verdict === 'invalid' && input.verdict.rows.length === 0)
    sentences.push(reasons['nothing-judged'].next())
  return [...new Set(sentences)].slice(0, maxSentences)
}

/** A duet has rows of its own, about both sides. */
function adviseOnComparison(input: ReportInput): string[] {
  const { verdict } = input
  const rows = verdict.rows.filter(({ status }) => status === verdict.verdict)
  return [...Map.groupBy(rows, findReason).values()].flatMap(([first]) =>
    first === undefined ? [] : adviseOnRow(first, input),
  )
}

/** What follows from one row, about a run or about none. */
function adviseOnRow(row: VerdictRow, input: ReportInput, report?: RunReport): string[] {
  const code = findReason(row)
  const next = code && reasons[code].next
  if (next === undefined) return []
  const command = input.command
  return [
    next({
      subject: cleanText(row.step ?? row.suite ?? report?.run.suite ?? 'the suite', maxNameLength),
      url: toPublicUrl(report?.run.target.url ?? input.target ?? 'the target'),
      repeat: command && ((changes) => composeCommand(command, changes)),
      measureMore: measureMore(input, report),
    }),
  ]
}

/** Commands that take a duration. */
const withDuration: ReadonlySet<string> = new Set(['load', 'gate'])

/** For as long as the rows of a run need, and a fifth more: arrivals are random. */
function measureMore(
  { command, comparison, verdict }: ReportInput,
  report: RunReport | undefined,
): string | undefined {
  if (comparison !== undefined) {
    // What the rows need, at least twice the pairs; and three times their load, for both sides to start.
    const have = Math.max(1, comparison.pairs)
    const wanted = Math.max(24, have * 2, ...verdict.rows.map(({ needed = 0 }) => needed))
    const pairs = String(wanted)
    const minutes = String(Math.max(5, Math.ceil((comparison.loadSeconds / 60) * (wanted / have) * 3)))
    const more = { '--pairs': pairs, '--max-minutes': minutes }
    return `measure more pairs: ${
      command?.[0] === 'ab'
        ? composeCommand(command, more)
        : `${cleanText(comparison.repeat, 2000)} --pairs ${pairs} --max-minutes ${minutes}`
    }`
  }
  if (report === undefined) return undefined
  const { run, verdict: own } = report
  const factors = own.rows.flatMap(({ needed, step }) => {
    const have = (step === null ? run.totals : run.endpoints[step])?.requests ?? 0
    return needed === undefined || have === 0 ? [] : [needed / have]
  })
  const seconds = Math.max(5, Math.ceil((run.durationMs / 1000) * Math.max(2, ...factors) * 1.2))
  const suite = cleanText(run.suite, maxNameLength)
  if (command !== undefined && withDuration.has(command[0] ?? ''))
    return `measure ${suite} for longer: ${composeCommand(command, { '--duration': String(seconds) })}`
  return `measure ${suite} for ${formatDuration(seconds * 1000)} or longer, or at a higher load`
}

function adviseOnProbes(input: ReportInput): string[] {
  const { probes, verdict } = input
  const all = probes?.probes ?? []
  const down = all.filter(({ outcome }) => outcome === 'down')
  if (down.length > 0) return down.slice(0, 3).map(adviseOnProbeDown)
  // While something has certainly failed, a probe that could not be judged is not the first thing to check.
  if (verdict.verdict === 'fail' || !all.some(({ outcome }) => outcome === 'unknown')) return []
  return [reasons['probe-unknown'].next()]
}

function adviseOnProbeDown({ name, steps }: ProbeResult): string {
  const failed = steps.find((step) => !step.ok)
  const hint = failed?.class === undefined ? undefined : unreachableHints[failed.class]
  const reason =
    hint ?? 'the service answers, but not as expected: read its log, then run vigil probe --once again'
  return `probe ${cleanText(name, maxNameLength)} is down: ${reason}`
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

// The rows of the same status as the verdict are its reasons; each code is advised on once.
function adviseOnRun(report: RunReport, input: ReportInput): string[] {
  const { run, verdict } = report
  const rows = verdict.rows.filter((row) => row.status === verdict.verdict)
  const byCode = Map.groupBy(rows, findReason)
  const broken = (...codes: ReasonCode[]): VerdictRow[] => codes.flatMap((code) => byCode.get(code) ?? [])
  const errors = broken('errors-over-budget')
  const slow = broken('latency-over-budget')
  const throughput = broken('throughput-under-budget')
  return [
    ...(errors.length > 0 ? [adviseOnErrors(run)] : []),
    ...(slow.length > 0 ? [adviseOnLatency(run, slow)] : []),
    // Errors and latency explain a low throughput. Alone, it is the load or the capacity.
    ...(throughput.length > 0 && errors.length + slow.length === 0
      ? [adviseOnThroughput(run, throughput)]
      : []),
    ...[...byCode.values()].flatMap(([first]) =>
      first === undefined ? [] : adviseOnRow(first, input, report),
    ),
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
  const [failure] = run.failures ?? []
  if (run.durationMs === 0 && failure !== undefined)
    return (
      `the load of ${suite} never began, because ${cleanText(failure.step ?? 'a step', maxNameLength)} ` +
      'failed: ' +
      'the service is up, but cannot serve; read its log and what its readiness reports'
    )
  const firstMs = findFirstFailureMs(run)
  const startedMs = Date.parse(run.startedAt)
  const when =
    firstMs === undefined || Number.isNaN(startedMs)
      ? `during ${suite}`
      : `from ${formatLogTime(startedMs + firstMs)}, when the first request of ${suite} failed`
  const classes = [...Map.groupBy(run.failures ?? [], (one) => one.class)].map(([kind, failures]) => ({
    kind,
    n: failures.reduce((sum, { count }) => sum + count, 0),
  }))
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

/** Steps at least this near to the slowest are culprits like it. */
const equalCulprit = 0.8
const maxCulprits = 3

/** The slowest steps, worst first: by the limits that they break, else by their p95. */
function findCulprits(run: Run, rows: readonly VerdictRow[]): string[] {
  const byLimit = rows.flatMap((row) =>
    row.step === null ? [] : [{ step: row.step, worth: limitRatio(row) }],
  )
  const byLatency = Object.entries(run.endpoints).map(([step, { latency }]) => ({
    step,
    worth: latency.p95Ms,
  }))
  const sorted = (byLimit.length > 0 ? byLimit : byLatency).toSorted((a, b) => b.worth - a.worth)
  const worst = sorted[0]?.worth ?? 0
  return [...new Set(sorted.filter(({ worth }) => worth >= worst * equalCulprit).map(({ step }) => step))]
}

/** When the p95 of the run first was over its limit; undefined when the timeline does not show it. */
function findSlowSinceMs(run: Run, rows: readonly VerdictRow[]): number | undefined {
  const limits = rows.flatMap(({ metric, limit }) =>
    metric === 'p95Ms' && limit !== undefined ? [limit] : [],
  )
  const limit = Math.min(...limits)
  const points = (run.timeline ?? []).filter(({ p95Ms }) => p95Ms !== undefined)
  return points.find(({ p95Ms = 0 }) => p95Ms >= limit)?.atMs
}

// A run is as slow as its slowest steps, so steps are named even when only the run as a whole broke its
// budget.
function adviseOnLatency(run: Run, rows: readonly VerdictRow[]): string {
  const suite = cleanText(run.suite, maxNameLength)
  const culprits = findCulprits(run, rows)
  const shown = culprits.slice(0, maxCulprits).map((step) => cleanText(step, maxNameLength))
  const left = culprits.length - shown.length
  const names = shown.join(' and ') + (left > 0 ? ` and ${left} more` : '')
  const since = findSlowSinceMs(run, rows)
  const when =
    since === undefined
      ? 'the report shows when it became slow'
      : `slow from ${since < 1000 ? 'the first second' : `${since / 1000} s on`}`
  const figures = [...formatStepP95s(run, culprits), ...describeOthers(run, culprits)].join('; ')
  return (
    `start with ${names === '' ? suite : `${names} in ${suite}`}: ${when}` +
    `${figures === '' ? '' : ` (${figures})`}; check what it waits for (database, locks, other services)`
  )
}

function formatStepP95s(run: Run, steps: readonly string[]): string[] {
  const figures = steps.slice(0, maxCulprits).flatMap((step) => {
    const endpoint = run.endpoints[step]
    return endpoint === undefined || countOf(endpoint.histogram) === 0
      ? []
      : [amount('ms', endpoint.latency.p95Ms)]
  })
  return figures.length === 0 ? [] : [`p95 ${figures.join(' and ')}`]
}

/** How fast the other steps are, when they are much faster than the culprits. */
function describeOthers(run: Run, culprits: readonly string[]): string[] {
  const others = Object.entries(run.endpoints)
    .filter(([step, { histogram }]) => !culprits.includes(step) && countOf(histogram) > 0)
    .map(([, { latency }]) => latency.p95Ms)
  if (others.length === 0) return []
  const slowest = Math.max(...others)
  const worst = Math.min(...culprits.map((step) => run.endpoints[step]?.latency.p95Ms ?? 0))
  return slowest < worst / 2 ? [`no other step is over ${amount('ms', slowest)}`] : []
}

/** Requests per second that a load at a rate would make if none of its journeys were dropped. */
function findOfferedRequests({ generator, endpoints, durationMs }: Run): number | undefined {
  const { offeredRps, droppedArrivals = 0 } = generator ?? {}
  if (offeredRps === undefined) return undefined
  const begun = offeredRps * (durationMs / 1000) - droppedArrivals
  const requests = Object.values(endpoints).reduce((sum, step) => sum + step.requests, 0)
  return begun > 0 ? offeredRps * (requests / begun) : undefined
}

/** A thread cannot use more than a core, and this one had hardly any of it left. */
const busyThread = 0.85

function adviseOnThread({ server }: Run): string {
  const ratio = server?.busiestThreadRatio ?? 0
  return ratio < busyThread
    ? 'check its CPU, its connection pool and its database'
    : `its busiest thread used ${amount('ratio', ratio)} of a core: profile it, or run more processes`
}

function adviseOnThroughput(run: Run, rows: readonly VerdictRow[]): string {
  const limit = Math.max(...rows.map((row) => row.limit ?? 0)) / 60
  const offered = findOfferedRequests(run)
  const suite = cleanText(run.suite, maxNameLength)
  if (offered !== undefined && offered < limit)
    return (
      `${suite} sends only ${formatRate(offered)} req/s, which cannot reach ${formatRate(limit)}: ` +
      'raise its load, or lower the budget'
    )
  return (
    `the service did not sustain the load of ${suite}: the report shows when that began; ` +
    adviseOnThread(run)
  )
}
