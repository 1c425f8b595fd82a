import { countOf } from '../../record/index.ts'
import type { Run, Totals, Failure, FailureClass, ProbeResult, StepResult } from '../../record/index.ts'
import { cleanText, countAnswered, formatCount, formatNumber, formatRate, formatSeconds } from './format.ts'
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
  /** Of failed requests, where the service sends some: not trusted either. */
  ids: string
}

/** The failures of a run, most frequent first. */
export function toFailureTexts(run: Run): FailureText[] {
  return (run.failures ?? []).toSorted((a, b) => b.count - a.count).map(toFailureText)
}

function toFailureText(failure: Failure): FailureText {
  return {
    count: formatCount(failure.count),
    class: failure.class,
    meaning: describeMeaning(failure),
    step: failure.step === null ? overall : cleanText(failure.step),
    first: failure.firstAtMs === undefined ? '' : formatSeconds(failure.firstAtMs),
    example: failure.example === undefined ? '' : cleanText(failure.example, 200),
    ids: listRequestIds([failure]).join(', '),
  }
}

function describeMeaning(failure: Failure): string {
  const [, status] = describeClass(failure.class, [failure]).split(' × ')
  return status ?? meanings[failure.class]
}

/** When the first request failed, in milliseconds after the measurement began. */
export function findFirstFailureMs(run: Run): number | undefined {
  const moments = (run.failures ?? []).flatMap((failure) => failure.firstAtMs ?? [])
  return moments.length === 0 ? undefined : moments.reduce((a, b) => Math.min(a, b))
}

/**
 * The failures of a run by class, most frequent first:
 * `241 × HTTP 500, evenly over 3 steps, from 1.2 s: "…"; request ids: …`.
 */
export function describeCauses(run: Run): string[] {
  const classes = Map.groupBy(run.failures ?? [], (failure) => failure.class)
  return [...classes]
    .toSorted(([, a], [, b]) => countRequests(b) - countRequests(a))
    .map(([kind, failures]) => {
      const byTime = failures.toSorted((a, b) => (a.firstAtMs ?? Infinity) - (b.firstAtMs ?? Infinity))
      const firstMs = byTime[0]?.firstAtMs
      const example = byTime.map((failure) => failure.example ?? '').find((text) => text !== '')
      const ids = listRequestIds(byTime)
      return [
        `${formatCount(countRequests(failures))}${describeClass(kind, failures)}`,
        describeSteps(failures, run),
        firstMs === undefined ? '' : ` from ${formatSeconds(firstMs)}`,
        example === undefined ? '' : `: "${cleanText(example, 120)}"`,
        ids.length === 0 ? '' : `; request ids: ${ids.join(', ')}`,
      ].join('')
    })
}

function countRequests(failures: readonly Failure[]): number {
  return failures.reduce((sum, failure) => sum + failure.count, 0)
}

/**
 * ` × HTTP 500`, ` × HTTP 500 or 503`; what the class means where there was no answer or no status is
 * known.
 */
function describeClass(kind: FailureClass, failures: readonly Failure[]): string {
  const statuses = kind === 'status' || kind === 'redirect' ? listStatuses(failures) : []
  const shown = statuses.slice(0, maxStatuses)
  return shown.length === 0
    ? ` ${kind} (${meanings[kind]})`
    : ` × HTTP ${shown.join(' or ')}${statuses.length > shown.length ? ' and others' : ''}`
}

const maxStatuses = 5

/** Those of the record; of a record without them, those that the examples begin with. */
function listStatuses(failures: readonly Failure[]): number[] {
  const statuses = failures.flatMap(
    ({ statuses: known, example }) =>
      known ?? (/^status ([1-5]\d\d)\b/.exec(example ?? '')?.slice(1) ?? []).map(Number),
  )
  return [...new Set(statuses)].toSorted((a, b) => a - b)
}

const maxRequestIds = 3

function listRequestIds(failures: readonly Failure[]): string[] {
  const ids = failures.flatMap(({ requestIds = [] }) => requestIds).map((id) => cleanText(id, 64))
  return [...new Set(ids)].slice(0, maxRequestIds)
}

function describeSteps(failures: readonly Failure[], { endpoints }: Run): string {
  const counts = Map.groupBy(failures, ({ step }) => step)
  const bySteps = [...counts]
    .map(([step, group]) => ({ step, count: countRequests(group) }))
    .toSorted((a, b) => b.count - a.count)
  const most = bySteps[0]?.step ?? null
  if (most === null) return ''
  if (bySteps.length === 1) return ` in ${cleanText(most, 80)}`
  const weighted = bySteps.map(({ step, count }) => ({
    count,
    requests: endpoints[step ?? '']?.requests ?? 0,
  }))
  return bySteps.length >= fewestForPattern && isEven(weighted)
    ? `, evenly over ${bySteps.length} steps,`
    : ` in ${bySteps.length} steps, most in ${cleanText(most, 80)},`
}

/** Two steps are no pattern. */
const fewestForPattern = 3

/** Whether each step has the share of the failures that it has of the requests, as near as chance allows. */
function isEven(steps: readonly { count: number; requests: number }[]): boolean {
  const failed = steps.reduce((sum, { count }) => sum + count, 0)
  const requests = steps.reduce((sum, step) => sum + step.requests, 0)
  return steps.every(({ count, requests: own }) => {
    const expected = requests === 0 ? failed / steps.length : (failed * own) / requests
    return Math.abs(count - expected) <= Math.max(3 * Math.sqrt(expected), 0.2 * expected)
  })
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
