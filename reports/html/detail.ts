/** How much of each kind a report shows. What is more is left out, and the report says how much that was. */
export interface Detail {
  runs: number
  /** Rows of the verdict that are not `pass`. */
  rows: number
  /** The others: for each run. */
  budgets: number
  steps: number
  multiples: number
  failures: number
  reasons: number
  /** Of all probes together. */
  probes: number
  probeSteps: number
  notes: number
}

/**
 * From all that one can want to see to what fits whatever the names are like (the last has no run at all): the report
 * takes the first whose text is short enough. Three hundred steps with a budget each fit into the first.
 */
export const details: readonly Detail[] = [
  {
    runs: 40,
    rows: 400,
    budgets: 400,
    steps: 400,
    multiples: 24,
    failures: 100,
    reasons: 20,
    probes: 60,
    probeSteps: 200,
    notes: 60,
  },
  {
    runs: 40,
    rows: 200,
    budgets: 60,
    steps: 60,
    multiples: 12,
    failures: 30,
    reasons: 10,
    probes: 40,
    probeSteps: 80,
    notes: 40,
  },
  {
    runs: 20,
    rows: 80,
    budgets: 20,
    steps: 20,
    multiples: 0,
    failures: 10,
    reasons: 10,
    probes: 20,
    probeSteps: 40,
    notes: 20,
  },
  {
    runs: 2,
    rows: 40,
    budgets: 15,
    steps: 15,
    multiples: 0,
    failures: 8,
    reasons: 5,
    probes: 10,
    probeSteps: 20,
    notes: 15,
  },
  {
    runs: 0,
    rows: 20,
    budgets: 0,
    steps: 0,
    multiples: 0,
    failures: 0,
    reasons: 0,
    probes: 5,
    probeSteps: 10,
    notes: 10,
  },
]

/** At most `most` items in their own order, those of the highest rank, and how many were left out. */
export function mostTelling<T>(
  items: readonly T[],
  most: number,
  rank: (item: T) => number,
): { shown: T[]; left: number } {
  if (items.length <= most) return { shown: [...items], left: 0 }
  const ranked = items
    .map((item, index) => ({ index, rank: rank(item) }))
    .toSorted((a, b) => b.rank - a.rank || a.index - b.index)
  const kept = new Set(ranked.slice(0, most).map(({ index }) => index))
  return { shown: items.filter((_, index) => kept.has(index)), left: items.length - most }
}
