/** What is counted of an answer and not timed: noise cannot move it. */
export const exactMetrics = ['statements', 'rows', 'bytes'] as const
export type ExactMetric = (typeof exactMetrics)[number]

/**
 * One count of one step over the pairs of a duet: the same journey of the same user on both sides, answer by
 * answer. Sums, so that tallies of several units add up.
 */
export interface PairedTally {
  pairs: number
  /** Pairs in which the candidate's count was the higher one, and the lower one. */
  up: number
  down: number
  /** Sums over the pairs. */
  baseline: number
  candidate: number
  /** Units it was counted in, and those in which more pairs went up than down, and down than up. */
  units: number
  unitsUp: number
  unitsDown: number
}

/** By `journey/step`. */
export type ExactTallies = Record<string, Partial<Record<ExactMetric, PairedTally>>>

export const emptyTally: PairedTally = {
  pairs: 0,
  up: 0,
  down: 0,
  baseline: 0,
  candidate: 0,
  units: 0,
  unitsUp: 0,
  unitsDown: 0,
}

export function addPair(tally: PairedTally, baseline: number, candidate: number): PairedTally {
  return {
    ...tally,
    pairs: tally.pairs + 1,
    up: tally.up + (candidate > baseline ? 1 : 0),
    down: tally.down + (candidate < baseline ? 1 : 0),
    baseline: tally.baseline + baseline,
    candidate: tally.candidate + candidate,
  }
}

/** The tallies of one unit, when all of its pairs are in them. */
export function closeUnit(tallies: ExactTallies): ExactTallies {
  return Object.fromEntries(
    Object.entries(tallies).map(([step, metrics]) => [
      step,
      Object.fromEntries(Object.entries(metrics).map(([metric, tally]) => [metric, closeTally(tally)])),
    ]),
  )
}

function closeTally(tally: PairedTally): PairedTally {
  return {
    ...tally,
    units: 1,
    unitsUp: tally.up > tally.down ? 1 : 0,
    unitsDown: tally.down > tally.up ? 1 : 0,
  }
}

/** Adds up the tallies of several units. */
export function mergeTallies(all: readonly ExactTallies[]): ExactTallies {
  const merged: ExactTallies = {}
  for (const tallies of all) {
    for (const [step, metrics] of Object.entries(tallies)) {
      const mine = (merged[step] ??= {})
      for (const metric of exactMetrics) {
        const more = metrics[metric]
        if (more !== undefined) mine[metric] = addTallies(mine[metric] ?? emptyTally, more)
      }
    }
  }
  return merged
}

function addTallies(a: PairedTally, b: PairedTally): PairedTally {
  const of = (field: keyof PairedTally): number => a[field] + b[field]
  return {
    pairs: of('pairs'),
    up: of('up'),
    down: of('down'),
    baseline: of('baseline'),
    candidate: of('candidate'),
    units: of('units'),
    unitsUp: of('unitsUp'),
    unitsDown: of('unitsDown'),
  }
}
