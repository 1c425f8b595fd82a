import { median, scatterAbout, scatterOf, wider } from './robust.ts'
import type { Scatter } from './robust.ts'
import { stepsIn } from './segments.ts'
import type { Step, StepRules } from './segments.ts'

/** Steps, and the scatter that they were found under. */
export interface Split {
  steps: Step[]
  scatter: Scatter
}

/**
 * Steps that hold under both views of the scatter: that of differences, which needs no steps to be known, and that of what is left once these
 * are taken away, which is more exact.
 */
export function surelyIn(values: readonly number[], floor: number, rules: StepRules): Split {
  const differences = scatterOf(values)
  let scatter: Scatter = { ...differences, deviation: Math.max(differences.deviation, floor) }
  for (;;) {
    const steps = stepsIn(values, scatter, rules)
    const left = wider(scatter, scatterAbout(values, steps.map(({ at }) => at)))
    if (steps.length === 0 || left === scatter) return { steps: lasting(steps, values, scatter, rules), scatter }
    scatter = left
  }
}

function nearer(value: number | undefined, mine: number, other: number): boolean {
  return value === undefined || Math.abs(value - mine) <= Math.abs(value - other)
}

/** A step this many deviations high leaves no doubt on which side of it a run lies. */
const plainDeviations = 4

/**
 * Without steps into and out of an episode: a few runs at another level make the mean of six, but not the median, and
 * a stretch stretched to six runs begins or ends with one that lies on the level next to it.
 */
function lasting(steps: readonly Step[], values: readonly number[], { deviation }: Scatter, rules: StepRules): Step[] {
  const holds = ({ at }: Step, index: number): boolean => {
    const before = median(values.slice(steps[index - 1]?.at ?? 0, at))
    const after = median(values.slice(at, steps[index + 1]?.at ?? values.length))
    if (!rules.matters(before, after)) return false
    return Math.abs(after - before) < plainDeviations * deviation || (nearer(values[at - 1], before, after) && nearer(values[at], after, before))
  }
  const kept = steps.filter(holds)
  return kept.length === steps.length ? kept : lasting(kept, values, { deviation, correlation: 0 }, rules)
}
