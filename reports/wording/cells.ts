import { countOf } from '../../record/index.ts'
import type { Run, Totals, Failure, FailureClass, ProbeResult, StepResult } from '../../record/index.ts'
import type { RunReport } from '../input.ts'
import {
  cleanText,
  countAnswered,
  formatCount,
  formatDuration,
  formatNumber,
  formatRate,
  formatSeconds,
  notMeasured,
} from './format.ts'
import { amount } from '../../baselines/index.ts'

/** A row of the table of steps as text; `figureHeadings` names the units. */
export interface StepFigures {
  /** `journey/step`, cleaned, or null for the run as a whole. */
  step: string | null
  figures: string[]
}

export const figureHeadings = [
  'requests',
  'req/s',
  'errors %',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'max ms',
] as const

/** The table of steps: one row per step in the record's order, then the run as a whole. */
export function toStepFigures(run: Run): StepFigures[] {
  const steps = Object.entries(run.endpoints).map(([step, endpoint]) =>
    toFigures(cleanText(step), endpoint, countOf(endpoint.histogram)),
  )
  return [...steps, toFigures(null, run.totals, countAnswered(run))]
}

function toFigures(step: string | null, totals: Totals, answered: number): StepFigures {
  const latency = (ms: number): string => formatNumber('ms', answered === 0 ? undefined : ms)
  const { p50Ms, p95Ms, p99Ms, maxMs } = totals.latency
  return {
    step,
    figures: [
      formatCount(totals.requests),
      formatRate(totals.throughputRps),
      formatNumber('ratio', totals.requests === 0 ? undefined : totals.errorRate),
      latency(p50Ms),
      latency(p95Ms),
      latency(p99Ms),
      latency(maxMs),
    ],
  }
}

/** The run on one line: requests, rate, p95, errors, duration and revision. */
export function describeTotals(run: Run): string {
  const { totals, target, durationMs } = run
  const answered = countAnswered(run)
  return [
    `${formatCount(totals.requests)} requests`,
    `${formatRate(totals.throughputRps)} req/s`,
    ...(answered === 0 ? [] : [`p95 ${amount('ms', totals.latency.p95Ms)}`]),
    `errors ${totals.requests === 0 ? notMeasured : amount('ratio', totals.errorRate)}`,
    formatDuration(durationMs),
    ...(target.revision === undefined
      ? []
      : [`revision ${shortRevision(target.revision)}${target.dirty ? ' with uncommitted changes' : ''}`]),
  ].join(', ')
}

/** A commit is named by its first twelve digits, anything else as it is. */
function shortRevision(revision: string): string {
  return /^[0-9a-f]{40}$/.test(revision) ? revision.slice(0, 12) : cleanText(revision, 40)
}

/** Steps over a limit of the whole suite, and that limit; a step with a limit of its own is judged by it. */
export interface ExceededSteps {
  /** Cleaned names, as `toStepFigures` has them. */
  steps: ReadonlySet<string>
  /** `p95 < 500 ms, mean < 200 ms`; empty when no step is over any. */
  limits: string
}

const stepLimits = [
  { key: 'p95Ms', label: 'p95', unit: 'ms', read: ({ latency }: Totals) => latency.p95Ms },
  { key: 'meanMs', label: 'mean', unit: 'ms', read: ({ latency }: Totals) => latency.meanMs },
  { key: 'p99Ms', label: 'p99', unit: 'ms', read: ({ latency }: Totals) => latency.p99Ms },
  { key: 'errorRate', label: 'errors', unit: 'ratio', read: ({ errorRate }: Totals) => errorRate },
] as const

export function findExceededSteps({ run, budgets }: RunReport): ExceededSteps {
  const exceeded = stepLimits.flatMap(({ key, label, unit, read }) => {
    const steps = Object.entries(run.endpoints).flatMap(([name, step]) => {
      const limit = budgets.steps?.[name]?.[key] ?? budgets[key]
      const isAnswered = unit === 'ratio' || countOf(step.histogram) > 0
      return limit !== undefined && isAnswered && step.requests > 0 && read(step) >= limit
        ? [{ name: cleanText(name), limit: `${label} < ${amount(unit, limit)}` }]
        : []
    })
    return steps
  })
  return {
    steps: new Set(exceeded.map(({ name }) => name)),
    limits: [...new Set(exceeded.map(({ limit }) => limit))].slice(0, 4).join(', '),
  }
}

/** How small a slowdown could have been missed by a run that passed; undefined when it did not pass. */
export function describeCertainty({ run, verdict, baseline, noise }: RunReport): string | undefined {
  if (verdict.verdict !== 'pass') return undefined
  const detectable = Object.entries(noise?.metrics.p95Ms.detectable ?? {})
    .map(([seconds, share]) => ({ seconds: Number(seconds), share }))
    .toSorted((a, b) => a.seconds - b.seconds)
  const seen = detectable.findLast(({ seconds }) => seconds * 1000 <= run.durationMs) ?? detectable[0]
  const budgetsOnly =
    baseline === undefined ? '; without accepted runs, only what breaks a budget is a failure' : ''
  return seen === undefined
    ? `how small a slowdown can be seen on this machine is not known${budgetsOnly}; measure it: ` +
        'vigil doctor --noise'
    : `a slowdown below ${amount('ratio', seen.share)} at p95 would not have been seen ` +
        `(measured here by vigil doctor --noise, ${seen.seconds} s)${budgetsOnly}`
}

const meanings: Record<FailureClass, string> = {
  dns: 'name not resolved',
  connect: 'connection refused or lost',
  tls: 'TLS failed',
  timeout: 'no answer in time',
  redirect: 'redirected',
  status: 'unexpected status',
  check: 'check failed',
  dropped: 'not sent: no free virtual user',
}

/** Names the run as a whole where a step could stand. */
export const overall = 'overall'

/** A failure as the cells of a table. The example is text of the target: cleaned, but not trusted. */
export interface FailureText {
  count: string
  class: string
  meaning: string
  step: string
  first: string
  example: string
}

/** The failures of a run, most frequent first. */
export function toFailureTexts(run: Run): FailureText[] {
  return (run.failures ?? []).toSorted((a, b) => b.count - a.count).map(toFailureText)
}

function toFailureText(failure: Failure): FailureText {
  return {
    count: formatCount(failure.count),
    class: failure.class,
    meaning: meanings[failure.class],
    step: failure.step === null ? overall : cleanText(failure.step),
    first: failure.firstAtMs === undefined ? '' : formatSeconds(failure.firstAtMs),
    example: failure.example === undefined ? '' : cleanText(failure.example, 200),
  }
}

/** When the first request failed, in milliseconds after the measurement began. */
export function findFirstFailureMs(run: Run): number | undefined {
  const moments = (run.failures ?? []).flatMap((failure) => failure.firstAtMs ?? [])
  return moments.length === 0 ? undefined : moments.reduce((a, b) => Math.min(a, b))
}

/**
 * The failures of a run by class, most frequent first:
 * `241 status (unexpected status) in checkout/pay from 1.2 s: "…"`.
 */
export function describeCauses(run: Run): string[] {
  const classes = Map.groupBy(run.failures ?? [], (failure) => failure.class)
  return [...classes]
    .toSorted(([, a], [, b]) => countRequests(b) - countRequests(a))
    .map(([kind, failures]) => {
      const byTime = failures.toSorted((a, b) => (a.firstAtMs ?? Infinity) - (b.firstAtMs ?? Infinity))
      const firstMs = byTime[0]?.firstAtMs
      const example = byTime.map((failure) => failure.example ?? '').find((text) => text !== '')
      return [
        `${formatCount(countRequests(failures))} ${kind} (${meanings[kind]})`,
        describeSteps(failures),
        firstMs === undefined ? '' : ` from ${formatSeconds(firstMs)}`,
        example === undefined ? '' : `: "${cleanText(example, 120)}"`,
      ].join('')
    })
}

function countRequests(failures: readonly Failure[]): number {
  return failures.reduce((sum, failure) => sum + failure.count, 0)
}

function describeSteps(failures: readonly Failure[]): string {
  const most = failures.toSorted((a, b) => b.count - a.count)[0]?.step ?? null
  const n = new Set(failures.map((failure) => failure.step)).size
  if (most === null) return ''
  return n === 1 ? ` in ${cleanText(most, 80)}` : ` in ${n} steps, most in ${cleanText(most, 80)},`
}

/** A probe and its steps as text. */
export interface ProbeText {
  name: string
  outcome: ProbeResult['outcome']
  took: string
  /** Empty when the first attempt passed. */
  attempts: string
  message: string
  steps: StepText[]
}

export interface StepText {
  step: string
  ok: boolean
  /** The HTTP status, or the class of the failure when there was none. */
  status: string
  took: string
  message: string
}

export function toProbeText(probe: ProbeResult): ProbeText {
  return {
    name: cleanText(probe.name, 80),
    outcome: probe.outcome,
    took: amount('ms', probe.durationMs),
    attempts: probe.attempts > 1 ? `${probe.attempts} attempts` : '',
    message: cleanText(probe.message ?? ''),
    steps: probe.steps.slice(0, 200).map(toStepText),
  }
}

function toStepText(step: StepResult): StepText {
  return {
    step: cleanText(step.step, 80),
    ok: step.ok,
    status: step.status === 0 ? (step.class ?? 'no answer') : String(step.status),
    took: amount('ms', step.durationMs),
    message: cleanText(step.message ?? ''),
  }
}
