import { minAccepted } from '../../../baselines/accepted/index.ts'
import type { AcceptedRun, Baseline, Waiver } from '../../../baselines/accepted/index.ts'
import { amount } from '../../../baselines/index.ts'
import type { Budgets } from '../../../baselines/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'

/** One baseline: its suite and environment, and its runs, oldest first. */
export function baselineText({ suite, engine, environment, anchor, runs }: Baseline, file: string): string {
  const { cpuModel, cores, engine: tool } = environment
  const facts = [cpuModel, typeof cores === 'number' ? `${cores} cores` : undefined, tool]
    .filter((fact) => typeof fact === 'string')
    .map((fact) => cleanText(fact, 60))
  const more =
    runs.length < minAccepted
      ? `; ${minAccepted - runs.length} more are needed before runs are compared with it`
      : ''
  return [
    `${cleanText(suite, 80)}  ${cleanText(engine, 40)}, environment ` +
      `${cleanText(environment.fingerprint, 40)}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}: ` +
      `${runs.length} ${runs.length === 1 ? 'run' : 'runs'}${more}`,
    ...runs.map((run) => runLine(run, anchor.runs.includes(run.id))),
    ...(anchor.reason === undefined ? [] : [`  anchor replaced: ${cleanText(anchor.reason)}`]),
    `  ${cleanText(file, 400)}`,
    '',
  ].join('\n')
}

function runLine({ id, startedAt, totals, revision }: AcceptedRun, anchored: boolean): string {
  const { p50Ms, p95Ms } = totals.latency
  return (
    `  ${startedAt.slice(0, 16).replace('T', ' ')}  p50 ${amount('ms', p50Ms).padEnd(9)} p95 ` +
    `${amount('ms', p95Ms).padEnd(9)} ${totals.errors} of ${totals.requests} failed  ` +
    cleanText(id, 80) +
    `${revision === undefined ? '' : `  ${cleanText(revision, 12)}`}${anchored ? '  anchor' : ''}`
  )
}

/**
 * Everything that runs are compared with, one line each: first the budgets, which apply on every machine,
 * last the waivers, oldest first.
 */
export function listText(
  budgets: Budgets,
  baselines: readonly Baseline[],
  waivers: readonly Waiver[],
  nowMs: number,
): string {
  const limits = budgetWords(budgets)
  const lines = [
    `budgets, on every machine: ${limits.length === 0 ? 'none in the config' : limits.join(', ')}`,
    ...baselines.map(
      ({ suite, engine, environment, runs, anchor }) =>
        `${cleanText(suite, 80)}  ${cleanText(engine, 40)}, environment ` +
        `${cleanText(environment.fingerprint, 40)}: ${runs.length} ` +
        `${runs.length === 1 ? 'run' : 'runs'}, ${anchor.runs.length} of them the anchor, newest ` +
        (runs.at(-1)?.startedAt.slice(0, 10) ?? ''),
    ),
    ...(baselines.length === 0 ? ['no run was accepted yet: vigil baseline accept <run…>'] : []),
    ...waivers
      .toSorted((a, b) => ((a.since ?? '') < (b.since ?? '') ? -1 : 1))
      .map((waiver) => waiverLine(waiver, nowMs)),
  ]
  return `${lines.join('\n')}\n`
}

function budgetWords({ p95Ms, meanMs, p99Ms, errorRate, requestsPerMinute, rssBytes }: Budgets): string[] {
  return [
    ...(p95Ms === undefined ? [] : [`p95 < ${amount('ms', p95Ms)}`]),
    ...(p99Ms === undefined ? [] : [`p99 < ${amount('ms', p99Ms)}`]),
    ...(meanMs === undefined ? [] : [`mean < ${amount('ms', meanMs)}`]),
    ...(errorRate === undefined ? [] : [`errors < ${amount('ratio', errorRate)}`]),
    ...(requestsPerMinute === undefined ? [] : [`≥ ${amount('perMinute', requestsPerMinute)}`]),
    ...(rssBytes === undefined ? [] : [`memory < ${amount('bytes', rssBytes)}`]),
  ]
}

const dayMs = 86_400_000

function waiverLine(
  { suite, step, metric, largestLoss, reason, owner, until, since }: Waiver,
  nowMs: number,
): string {
  const leftMs = Date.parse(until) + dayMs - nowMs
  const left = leftMs <= 0 ? 'OVER since' : `${formatDays(Math.ceil(leftMs / dayMs))} left, until`
  const age =
    since === undefined ? '' : `${formatDays(Math.floor((nowMs - Date.parse(since)) / dayMs))} old, `
  return (
    `waiver  ${cleanText(suite, 80)}${step === null ? '' : `, ${cleanText(step, 80)}`}: ${metric} up ` +
    `to +${Number((largestLoss * 100).toPrecision(3))} %, ${age}${left} ${until}, ${cleanText(owner, 80)}: ` +
    cleanText(reason)
  )
}

function formatDays(days: number): string {
  return `${days} ${days === 1 ? 'day' : 'days'}`
}
