import type { ComparableRun } from '../../record/index.ts'
import { binomialUpperTail } from '../../record/statistics/index.ts'

/** Errors of the candidate against those of the baseline. */
export interface ErrorComparison {
  baseline: number
  candidate: number
  baselineRequests: number
  candidateRequests: number
  /**
   * Errors of the candidate over what it would have at the baseline's rates and its own mix; NaN when neither
   * has any.
   */
  ratio: number
  /** One-sided: this many or more, were nothing worse. */
  pValue: number
  /** One-sided the other way: this few or fewer, were nothing better. */
  pValueBetter: number
  /** Variance of the counts per run over their mean, at least 1: errors come in bursts. */
  overdispersion: number
}

interface Stratum {
  errors: [baseline: number, candidate: number]
  requests: [baseline: number, candidate: number]
}

/**
 * Given how many errors there were in all, the candidate's share is binomial with its share of the requests
 * while the rates are equal: the exact conditional test of two Poisson rates (Przyborowski & Wilenski 1940,
 * Biometrika 31). Steps have rates of their own, so expected shares are added up over them, and a shifted mix
 * is no change (a sum of binomials varies no more than the binomial of their mean: Hoeffding 1956). Counts
 * are divided by their over-dispersion (McCullagh & Nelder 1989, §4.5), so that one burst of errors counts
 * about once.
 */
export function compareErrors(
  baseline: readonly ComparableRun[],
  candidate: readonly ComparableRun[],
): ErrorComparison {
  const strata = toStrata(baseline, candidate)
  const sum = (pick: (stratum: Stratum) => number): number =>
    strata.reduce((total, stratum) => total + pick(stratum), 0)
  const [b, c] = [sum((stratum) => stratum.errors[0]), sum((stratum) => stratum.errors[1])]
  const all = b + c
  const share =
    all === 0
      ? 0.5
      : sum(({ errors, requests }) => ((errors[0] + errors[1]) * requests[1]) / (requests[0] + requests[1])) /
        all
  const overdispersion = estimateOverdispersion(baseline, candidate)
  const [k, n] = [c / overdispersion, all / overdispersion]
  return {
    baseline: b,
    candidate: c,
    baselineRequests: countRequests(baseline),
    candidateRequests: countRequests(candidate),
    ratio: all === 0 ? Number.NaN : c / share / (b / (1 - share)),
    pValue: all === 0 ? 1 : binomialUpperTail(k, n, share),
    pValueBetter: all === 0 ? 1 : binomialUpperTail(n - k, n, 1 - share),
    overdispersion,
  }
}

// A dropped arrival belongs to no step: what the totals have over their steps is a stratum of its own.
function toStrata(baseline: readonly ComparableRun[], candidate: readonly ComparableRun[]): Stratum[] {
  const strata = new Map<string, Stratum>()
  const rest: Stratum = { errors: [0, 0], requests: [countRequests(baseline), countRequests(candidate)] }
  for (const [side, runs] of [baseline, candidate].entries()) {
    const at = side === 0 ? 0 : 1
    for (const run of runs) {
      let inSteps = 0
      for (const [step, endpoint] of Object.entries(run.endpoints)) {
        const stratum = strata.get(step) ?? { errors: [0, 0], requests: [0, 0] }
        strata.set(step, stratum)
        stratum.errors[at] += endpoint.errors
        stratum.requests[at] += endpoint.requests
        inSteps += endpoint.errors
      }
      rest.errors[at] += Math.max(0, run.totals.errors - inSteps)
    }
  }
  return [...strata.values(), rest].filter(
    ({ errors, requests }) => errors[0] + errors[1] > 0 && requests[0] + requests[1] > 0,
  )
}

function countRequests(runs: readonly ComparableRun[]): number {
  return runs.reduce((sum, run) => sum + run.totals.requests, 0)
}

/** Pearson's χ² of the counts per run about their side's rate, over its degrees of freedom; at least 1. */
function estimateOverdispersion(...sides: readonly (readonly ComparableRun[])[]): number {
  let [squares, degrees] = [0, 0]
  for (const runs of sides) {
    const errors = runs.reduce((sum, run) => sum + run.totals.errors, 0)
    if (errors === 0 || runs.length < 2) continue
    const rate = errors / countRequests(runs)
    for (const { totals } of runs) {
      const expected = rate * totals.requests
      // The binomial's own variance, so that a rate near 1 is not taken for steadiness.
      if (expected > 0) squares += (totals.errors - expected) ** 2 / (expected * Math.max(1 - rate, 1e-3))
    }
    degrees += runs.length - 1
  }
  return degrees === 0 ? 1 : Math.max(1, squares / degrees)
}
