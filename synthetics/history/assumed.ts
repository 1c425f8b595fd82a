import { median } from '../../record/statistics/index.ts'
import type { Observation } from './timeline.ts'

/** An observation whose schedule may not be known. */
export type Unscheduled = Omit<Observation, 'holdsUntilMs'> & { holdsUntilMs: number | null }

/**
 * Gives results that were run by hand, without a schedule, the time that results of this probe are usually apart (the
 * median), and half of that again. With fewer than three results nothing is usual, and they hold for no time.
 */
export function withAssumedHold(observations: readonly Unscheduled[]): Observation[] {
  if (observations.every(({ holdsUntilMs }) => holdsUntilMs !== null))
    return observations.map((each) => ({ ...each, holdsUntilMs: each.holdsUntilMs ?? each.startedAtMs }))
  const starts = observations.map(({ startedAtMs }) => startedAtMs).toSorted((a, b) => a - b)
  const gaps = starts.slice(1).map((at, index) => at - (starts[index] ?? at))
  const holdMs = gaps.length < 2 ? 0 : median(gaps) * 1.5
  return observations.map((each) => ({
    ...each,
    holdsUntilMs: each.holdsUntilMs ?? each.startedAtMs + holdMs,
  }))
}
