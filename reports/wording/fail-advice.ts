import type { VerdictRow } from '../../baselines/index.ts'
import type { FailureClass, Run } from '../../record/index.ts'
import type { RunReport } from '../input.ts'
import { firstFailureMs } from './failure.ts'
import { rate } from './figure.ts'
import { plain } from './plain.ts'

/** Where to look first when a run broke its budgets: one sentence for errors, latency, throughput and memory each. */
export function failAdvice({ run, verdict }: RunReport): string[] {
  const failed = verdict.rows.filter((row) => row.status === 'fail')
  const of = (...metrics: string[]): VerdictRow[] => failed.filter((row) => metrics.includes(row.metric))
  const [errors, slow, few, memory] = [
    of('errorRate'),
    of('p95Ms', 'p99Ms', 'meanMs'),
    of('requestsPerMinute'),
    of('rssBytes'),
  ]
  return [
    ...(errors.length > 0 ? [errorAdvice(run)] : []),
    ...(slow.length > 0 ? [slowAdvice(run, slow)] : []),
    // Errors and slowness are why fewer requests were answered; alone, it is the load or the capacity.
    ...(few.length > 0 && errors.length + slow.length === 0 ? [throughputAdvice(run, few)] : []),
    ...(memory.length > 0
      ? [
          `look for what the service keeps (caches, queues, listeners): a heap snapshot under the load of ${plain(run.suite, 80)} shows it`,
        ]
      : []),
  ]
}

const hints: Partial<Record<FailureClass, string>> = {
  connect: 'it stopped accepting connections: did it end, restart or run out of sockets?',
  timeout:
    'it accepts requests and does not answer in time: look at what it waits for (database, locks, pool)',
  redirect: 'it redirects, mostly to a login page: check the credentials of the journey',
}

function errorAdvice(run: Run): string {
  const firstMs = firstFailureMs(run)
  const began = Date.parse(run.startedAt)
  const when =
    firstMs === undefined || Number.isNaN(began)
      ? `during ${plain(run.suite, 80)}`
      : `from ${clock(began + firstMs)} on, when the first request of ${plain(run.suite, 80)} failed`
  const classes = [...Map.groupBy(run.failures ?? [], (failure) => failure.class)].map(
    ([kind, failures]) => ({ kind, n: failures.reduce((sum, failure) => sum + failure.count, 0) }),
  )
  const most = classes.toSorted((a, b) => b.n - a.n)[0]
  const hint = most && hints[most.kind]
  return `read the service's log ${when}${hint === undefined ? '' : `; ${hint}`}`
}

function clock(atMs: number): string {
  const at = new Date(atMs)
  return Number.isNaN(at.getTime())
    ? 'the beginning'
    : `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function timesOver({ actual = 0, limit = Infinity }: VerdictRow): number {
  return actual / limit
}

// A whole run is as slow as its slowest steps, so a step is named even when only the whole broke its budget.
function slowAdvice(run: Run, rows: readonly VerdictRow[]): string {
  const worst = rows
    .filter((row) => row.step !== null)
    .toSorted((a, b) => timesOver(b) - timesOver(a))[0]?.step
  const slowest = Object.entries(run.endpoints).toSorted(
    ([, a], [, b]) => b.latency.p95Ms - a.latency.p95Ms,
  )[0]?.[0]
  const step = worst ?? slowest
  const where = step === undefined ? plain(run.suite, 80) : `${plain(step, 80)} in ${plain(run.suite, 80)}`
  return `begin with ${where}: the report shows since when it was slow; look at what it waits for (database, locks, other services)`
}

function throughputAdvice(run: Run, rows: readonly VerdictRow[]): string {
  const limit = Math.max(...rows.map((row) => row.limit ?? 0)) / 60
  const offered = run.generator?.offeredRps
  const suite = plain(run.suite, 80)
  if (offered !== undefined && offered < limit)
    return `${suite} sends only ${rate(offered)} req/s, which cannot reach ${rate(limit)}: raise its load, or lower the budget`
  return `the service did not keep up with the load of ${suite}: the report shows since when; look at its CPU, its pool and its database`
}
