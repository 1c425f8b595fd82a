import type { Failure, FailureClass, Run } from '../../record/index.ts'
import { count, moment } from './figure.ts'
import { plain } from './plain.ts'

const meanings: Record<FailureClass, string> = {
  dns: 'name not found',
  connect: 'connection refused or lost',
  tls: 'TLS failed',
  timeout: 'no answer in time',
  redirect: 'redirected',
  status: 'unexpected status',
  check: 'check failed',
  dropped: 'never sent: the generator had no free user',
}

/** A failure as the cells of a table; the example is what the target said, cleaned but not to be trusted. */
export interface FailureText {
  count: string
  class: string
  meaning: string
  step: string
  first: string
  example: string
}

/** What failed in a run, most often first. */
export function failureTexts(run: Run): FailureText[] {
  return (run.failures ?? []).toSorted((a, b) => b.count - a.count).map(failureText)
}

function failureText(failure: Failure): FailureText {
  return {
    count: count(failure.count),
    class: failure.class,
    meaning: meanings[failure.class],
    step: failure.step === null ? 'whole run' : plain(failure.step),
    first: failure.firstAtMs === undefined ? '' : moment(failure.firstAtMs),
    example: failure.example === undefined ? '' : plain(failure.example, 200),
  }
}

/** When the first request failed, in milliseconds after the measurement began. */
export function firstFailureMs(run: Run): number | undefined {
  const moments = (run.failures ?? []).flatMap((failure) => failure.firstAtMs ?? [])
  return moments.length === 0 ? undefined : moments.reduce((a, b) => Math.min(a, b))
}

/** What the failures of a run were, by class, most often first: `241 status (unexpected status) in task-crud/update from 1.2 s: "…"`. */
export function causes(run: Run): string[] {
  const classes = Map.groupBy(run.failures ?? [], (failure) => failure.class)
  return [...classes]
    .toSorted(([, a], [, b]) => total(b) - total(a))
    .map(([kind, failures]) => {
      const first = failures.toSorted((a, b) => (a.firstAtMs ?? Infinity) - (b.firstAtMs ?? Infinity))
      const from = first[0]?.firstAtMs === undefined ? '' : ` from ${moment(first[0].firstAtMs)}`
      const example = first.find(
        (failure) => failure.example !== undefined && failure.example !== '',
      )?.example
      return `${count(total(failures))} ${kind} (${meanings[kind]})${stepsOf(failures)}${from}${example === undefined ? '' : `: "${plain(example, 120)}"`}`
    })
}

function total(failures: readonly Failure[]): number {
  return failures.reduce((sum, failure) => sum + failure.count, 0)
}

function stepsOf(failures: readonly Failure[]): string {
  const most = failures.toSorted((a, b) => b.count - a.count)[0]?.step ?? null
  const n = new Set(failures.map((failure) => failure.step)).size
  if (most === null) return ''
  return n === 1 ? ` in ${plain(most, 80)}` : ` in ${n} steps, most in ${plain(most, 80)},`
}
