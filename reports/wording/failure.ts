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
