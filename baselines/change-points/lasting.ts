import { median } from '../../record/statistics/index.ts'
import { scatterAroundLevels, scatterFromDifferences, pickWider } from './robust.ts'
import type { Scatter } from './robust.ts'
import { retestSteps, findSteps } from './segments.ts'
import type { Step, StepRules } from './segments.ts'

/** Steps, and the scatter that they were found under. */
export interface Split {
  steps: Step[]
  scatter: Scatter
}

/**
 * Steps that hold under both views of the scatter: that of differences, which needs no steps to be known, and
 * that of what is left once these are taken away, which is more exact.
 */
export function findSignificantSteps(values: readonly number[], floor: number, rules: StepRules): Split {
  const differences = scatterFromDifferences(values)
  let scatter: Scatter = { ...differences, deviation: Math.max(differences.deviation, floor) }
  for (;;) {
    const steps = findSteps(values, scatter, rules)
    const left = pickWider(
      scatter,
      scatterAroundLevels(
        values,
        steps.map(({ at }) => at),
      ),
    )
    if (steps.length === 0 || left === scatter)
      return { steps: keepLastingSteps(steps, values, scatter, rules), scatter }
    scatter = left
  }
}

function nearer(value: number | undefined, mine: number, other: number): boolean {
  return value === undefined || Math.abs(value - mine) <= Math.abs(value - other)
}

/** For a step this many deviations high it is certain on which side a run is. */
const plainDeviations = 4

/**
 * How far the edge of a step may be from where its means differ most: a spike next to it, reduced to its
 * neighbours, moves it.
 */
const shifts = [0, -1, 1, -2, 2]

/**
 * Without steps into and out of an episode: a few runs at another level make the mean of six, but not the
 * median, and a stretch stretched to six runs begins or ends with one at the adjacent level. A step whose
 * edge is unclear is placed where it is clear, if both its levels are still long enough there.
 */
function keepLastingSteps(
  steps: readonly Step[],
  values: readonly number[],
  scatter: Scatter,
  rules: StepRules,
): Step[] {
  const placed = (step: Step, index: number): Step | undefined => {
    const [from, to] = [steps[index - 1]?.at ?? 0, steps[index + 1]?.at ?? values.length]
    const before = median(values.slice(from, step.at))
    const after = median(values.slice(step.at, to))
    if (!rules.matters(before, after)) return undefined
    if (Math.abs(after - before) < plainDeviations * scatter.deviation) return step
    const at = shifts
      .map((shift) => step.at + shift)
      .find(
        (place) =>
          place - from >= rules.leastRuns &&
          to - place >= rules.leastRuns &&
          nearer(values[place - 1], before, after) &&
          nearer(values[place], after, before),
      )
    return at === undefined ? undefined : { ...step, at }
  }
  const found = steps.map(placed)
  const gone = steps.filter((_, index) => found[index] === undefined)
  if (gone.length === 0) return found.filter((step) => step !== undefined)
  // One step found as two, six runs apart, has neither edge in its place: without the weaker one the other
  // finds its place.
  const weakest = gone.reduce((a, b) => (Math.abs(a.z) <= Math.abs(b.z) ? a : b))
  return keepLastingSteps(
    retestSteps(
      steps.filter((step) => step !== weakest).map(({ at }) => at),
      values,
      scatter,
      rules,
    ),
    values,
    scatter,
    rules,
  )
}
