import type { Shares } from './timeline.ts'

/** From the least to the most; the same twice where nothing is unknown. */
export type Range = [number, number]

/** What is left of a promise, as a range: unknown time may all have been up, or all have been down. */
export interface ObjectiveState {
  /** Share of the time in which it worked, 0 to 1; degraded counts as working. */
  availability: Range
  /** Of the error budget, the share that is left: 1 untouched, 0 used up, below 0 overdrawn. */
  budgetLeft: Range
  /** How many times as fast as allowed the budget is being used; 1 uses it up exactly at the end of the window. */
  burnRate: Range
}

/**
 * A service level objective over the time that was shared.
 *
 * burnRate = bad / (1 - objective), budgetLeft = 1 - bad / (1 - objective), where bad is the share of time down: at least
 * what was seen down, at most that and all that is unknown.
 *
 * @param objective the share of time that was promised, over 0 and below 1
 */
export function objectiveState({ down, unknown }: Shares, objective: number): ObjectiveState {
  const budget = 1 - objective
  const most = Math.min(1, down + unknown)
  return {
    availability: [1 - most, 1 - down],
    budgetLeft: [1 - most / budget, 1 - down / budget],
    burnRate: [down / budget, most / budget],
  }
}
