import { amount } from '../../baselines/index.ts'
import { countOf } from '../../record/index.ts'
import type { Run, Totals } from '../../record/index.ts'
import type { RunReport } from '../input.ts'
import { cleanText, countAnswered, formatCount, formatDuration, formatRate, notMeasured } from './format.ts'

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
