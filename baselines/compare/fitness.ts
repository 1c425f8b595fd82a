import type { ComparableRun, Totals } from '../../record/index.ts'
import { isMostlyFailed } from '../verdict.ts'
import type { VerdictRow } from '../verdict.ts'

/** Why two sets of runs must not be compared, as rows that make the verdict invalid; none when they may. */
export function incomparableRows(
  baseline: readonly ComparableRun[],
  candidate: readonly ComparableRun[],
): VerdictRow[] {
  if (baseline.length === 0 || candidate.length === 0) {
    const side = baseline.length === 0 ? 'baseline' : 'candidate'
    return [invalid('runs', `the ${side} has no run: nothing to compare; give at least one record`)]
  }
  return [
    ...runProblems('baseline', baseline),
    ...runProblems('candidate', candidate),
    ...mismatchRows([...baseline, ...candidate]),
    ...stepRows(baseline, candidate),
    ...failedRows(baseline, candidate),
  ]
}

/**
 * A baseline that failed most requests is no level to compare with, and a step that fails on both sides was
 * not compared. A candidate that fails alone is no reason: that is a finding, and the errors fail for it.
 */
function failedRows(baseline: readonly ComparableRun[], candidate: readonly ComparableRun[]): VerdictRow[] {
  const before = sumTotals(baseline.map(({ totals }) => totals))
  const after = sumTotals(candidate.map(({ totals }) => totals))
  if (isMostlyFailed(before))
    return [
      invalid(
        'errorRate',
        `${before.errors} of ${before.requests} requests to the baseline failed` +
          (isMostlyFailed(after) ? `, and ${after.errors} of ${after.requests} to the candidate` : '') +
          ': nothing to compare; check that both sides answer the journeys as expected',
      ),
    ]
  const steps = [...requestedSteps(baseline)].toSorted()
  return steps.flatMap((step) => {
    const [b, c] = [baseline, candidate].map((runs) =>
      sumTotals(runs.flatMap(({ endpoints }) => endpoints[step] ?? [])),
    )
    if (b === undefined || c === undefined || !isMostlyFailed(b) || !isMostlyFailed(c)) return []
    return [
      invalid(
        'errorRate',
        `${step} fails on both sides (${b.errors} of ${b.requests} and ${c.errors} of ${c.requests} ` +
          'requests): it was not compared; correct the journey or the service',
        step,
      ),
    ]
  })
}

function sumTotals(all: readonly Pick<Totals, 'requests' | 'errors'>[]): {
  requests: number
  errors: number
} {
  return {
    requests: all.reduce((sum, { requests }) => sum + requests, 0),
    errors: all.reduce((sum, { errors }) => sum + errors, 0),
  }
}

function invalid(metric: string, message: string, step: string | null = null): VerdictRow {
  return { rule: 'comparison', step, metric, status: 'invalid', message }
}

function runProblems(side: string, runs: readonly ComparableRun[]): VerdictRow[] {
  return runs.flatMap((run, index) => {
    const name = `${side} run ${index + 1}${run.id === undefined ? '' : ` (${run.id})`}`
    if (run.interrupted)
      return [
        invalid('validity', `${name} was interrupted: it is no measurement; leave it out or measure again`),
      ]
    if (run.validity && !run.validity.valid)
      return [
        invalid('validity', `${name} is invalid: ${run.validity.reasons.join('; ') || 'it gives no reason'}`),
      ]
    if (run.totals.requests === 0)
      return [invalid('requests', `${name} made no request: nothing was measured`)]
    return []
  })
}

const requiredAgreement: readonly {
  metric: string
  of: (run: ComparableRun) => string | undefined
  why: string
}[] = [
  { metric: 'suite', of: (run) => run.suite, why: 'they make different requests' },
  { metric: 'engine', of: (run) => run.engine, why: 'engines measure differently' },
  {
    metric: 'environment',
    of: (run) => run.environment?.fingerprint,
    why: 'the machine would decide, not the code; measure both on one, or judge by budgets',
  },
]

// Runs without these fields are accepted: records of other tools hold figures alone.
function mismatchRows(runs: readonly ComparableRun[]): VerdictRow[] {
  const unlike = requiredAgreement.flatMap(({ metric, of, why }) => {
    const found = [...new Set(runs.map(of).filter((value) => value !== undefined))]
    return found.length < 2
      ? []
      : [
          invalid(
            metric,
            `not compared: runs of ${found.length} ${metric}s ` +
              `(${found.slice(0, 4).join(', ')}${found.length > 4 ? ', …' : ''}): ${why}`,
          ),
        ]
  })
  return [...unlike, ...loadMismatchRows(runs)]
}

/** Rates this near to each other are one rate: a writer may note what it reached. */
const sameRateFactor = 1.02

/** Latency depends on the load, so runs at another are no evidence about the code. */
function loadMismatchRows(runs: readonly ComparableRun[]): VerdictRow[] {
  const loads = runs.flatMap(({ load }) => load ?? [])
  const scripts = [...new Set(loads.flatMap(({ script }) => script ?? []))]
  if (scripts.length > 1)
    return [
      invalid('load', `not compared: runs of scripts with other loads (${scripts.slice(0, 4).join(', ')})`),
    ]
  // A record of an older vigil holds the suite's load, which its script did not use.
  if (scripts.length > 0) return []
  const models = [...new Set(loads.map(({ model }) => model))]
  if (models.length > 1)
    return [invalid('load', `not compared: runs under different load models (${models.join(', ')})`)]
  for (const [of, unit] of [
    ['ratePerSecond', '/s'],
    ['connections', ' connections'],
  ] as const) {
    const amounts = loads.flatMap((load) => load[of] ?? [])
    const [least, most] = [Math.min(...amounts), Math.max(...amounts)]
    if (most > least * sameRateFactor)
      return [
        invalid(
          'load',
          `not compared: runs under loads of ${least}${unit} to ${most}${unit}: latency depends on the load`,
        ),
      ]
  }
  return []
}

/** A step of one side alone cannot be compared, and must be reported. */
function stepRows(baseline: readonly ComparableRun[], candidate: readonly ComparableRun[]): VerdictRow[] {
  const [b, c] = [requestedSteps(baseline), requestedSteps(candidate)]
  if (b.size === 0 && c.size === 0)
    return [invalid('requests', 'no run has a step with requests: nothing to compare')]
  const only = (side: string, mine: Set<string>, theirs: Set<string>): VerdictRow[] =>
    [...mine]
      .filter((step) => !theirs.has(step))
      .toSorted()
      .map((step) =>
        invalid(
          'requests',
          `${step} was requested by the ${side} alone: it cannot be compared; run the same journeys ` +
            'on both sides',
          step,
        ),
      )
  return [...only('baseline', b, c), ...only('candidate', c, b)]
}

function requestedSteps(runs: readonly ComparableRun[]): Set<string> {
  return new Set(
    runs.flatMap((run) =>
      Object.entries(run.endpoints)
        .filter(([, endpoint]) => endpoint.requests > 0)
        .map(([step]) => step),
    ),
  )
}
