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

/** What the failures of a run were, by class, most often first: `6,138 connect (connection refused or lost) from 34.4 s: "…"`. */
export function causes(run: Run): string[] {
  const classes = new Map<FailureClass, { n: number; firstAtMs: number; example: string }>()
  for (const failure of run.failures ?? []) {
    const known = classes.get(failure.class) ?? { n: 0, firstAtMs: Infinity, example: '' }
    const firstAtMs = failure.firstAtMs ?? Infinity
    const example = known.example === '' || firstAtMs < known.firstAtMs ? (failure.example ?? known.example) : known.example
    classes.set(failure.class, { n: known.n + failure.count, firstAtMs: Math.min(known.firstAtMs, firstAtMs), example })
  }
  return [...classes]
    .toSorted(([, a], [, b]) => b.n - a.n)
    .map(([kind, { n, firstAtMs, example }]) => `${count(n)} ${kind} (${meanings[kind]})${firstAtMs === Infinity ? '' : ` from ${moment(firstAtMs)}`}${example === '' ? '' : `: "${plain(example, 120)}"`}`)
}
