import type { ComparableRun } from '../../record/index.ts'
import { pairedEffect, pValueBetter, pValueWorse, unpairedEffect } from './effect.ts'
import type { Effect } from './effect.ts'
import { compareErrors } from './errors.ts'
import type { ErrorComparison } from './errors.ts'
import { adjustByHolm } from './error-control.ts'
import { buildMeasures } from './measures.ts'
import type { Measure } from './measures.ts'
import { minPairs, unpairedAlphaShare } from './options.ts'
import type { Rules } from './options.ts'
import type { Quantiles } from './quantiles.ts'

interface AdjustedPValues {
  /** Holm's adjusted p-value over the family, for this being worse. */
  pWorse: number
  pBetter: number
  /** The same over the steps alone, for naming where an established fail comes from. */
  pAmongSteps: number
}

export interface MeasureTest extends AdjustedPValues {
  kind: 'measure'
  measure: Measure
  effect: Effect
  /** Loss accepted, as a logarithm. */
  limit: number
}

export interface ErrorTest extends AdjustedPValues {
  kind: 'errors'
  errors: ErrorComparison
  limit: number
}

/** All tests of one comparison, with p-values adjusted for their number. */
export interface TestFamily {
  paired: boolean
  /** Pairs, or runs of the smaller side. */
  count: number
  tested: (MeasureTest | ErrorTest)[]
  /** What could not be tested because blocks hold too few requests. */
  untested: { measure: Measure; usable: number }[]
  alpha: number
  /** The level of a single significant test in the family. */
  alphaOfOne: number
}

/**
 * A measure that more blocks than one in four are too small for is left out: those left would be a selection.
 */
const minUsableShare = 0.75

/** Tests two sets of runs against each other. Results from fewer than `minPairs` are shown, not judged. */
export function buildTestFamily(
  baseline: readonly ComparableRun[],
  candidate: readonly ComparableRun[],
  rules: Rules,
  asQuantiles?: Quantiles,
): TestFamily {
  const paired = baseline.length === candidate.length
  const count = Math.min(baseline.length, candidate.length)
  const least = Math.max(Math.min(minPairs, count), Math.ceil(count * minUsableShare))
  const measured = buildMeasures(baseline, candidate, paired, asQuantiles).map((measure) => ({
    measure,
    effect: paired ? pairedEffect(measure) : unpairedEffect(measure),
  }))
  const usable = measured.filter(({ effect }) => effect.count >= least)
  const errors = compareErrors(baseline, candidate)
  const limits = usable.map(({ measure }) =>
    Math.log1p(measure.metric === 'p99Ms' ? rules.p99Margin : rules.margin),
  )
  const worse = usable.map(({ effect }, index) => pValueWorse(effect, rules.strict ? limits[index] : 0))
  const adjustedWorse = adjustByHolm([...worse, errors.pValue])
  const adjustedBetter = adjustByHolm([
    ...usable.map(({ effect }) => pValueBetter(effect)),
    errors.pValueBetter,
  ])
  const amongSteps = adjustAmong(
    worse,
    usable.map(({ measure }) => measure.step !== null),
  )
  const at = (index: number): AdjustedPValues => ({
    pWorse: adjustedWorse[index] ?? 1,
    pBetter: adjustedBetter[index] ?? 1,
    pAmongSteps: amongSteps[index] ?? 1,
  })
  const alpha = paired ? rules.alpha : rules.alpha * unpairedAlphaShare
  return {
    paired,
    count,
    tested: [
      ...usable.map(({ measure, effect }, index): MeasureTest => ({
        kind: 'measure',
        measure,
        effect,
        limit: limits[index] ?? 0,
        ...at(index),
      })),
      { kind: 'errors', errors, limit: Math.log1p(rules.margin), ...at(usable.length) },
    ],
    untested: measured
      .filter(({ effect }) => effect.count < least)
      .map(({ measure, effect }) => ({ measure, usable: effect.count })),
    alpha,
    alphaOfOne: alpha / (usable.length + 1),
  }
}

function adjustAmong(pValues: readonly number[], among: readonly boolean[]): number[] {
  const indices = pValues.map((_, index) => index).filter((index) => among[index])
  const adjusted = adjustByHolm(indices.map((index) => pValues[index] ?? 1))
  return pValues.map((_, index) => (among[index] ? (adjusted[indices.indexOf(index)] ?? 1) : 1))
}
