/** One claim about speed or size, and what is measured for it. */
export interface Section {
  name: string
  /** What is measured against what, in a line. */
  about: string
  run: (bench: Bench) => Promise<Figure[]>
}

/** A measured figure and the goal it has. */
export interface Figure {
  what: string
  value: string
  goal: string
  met: boolean
}

/** What sections share. */
export interface Bench {
  /** Rounds of each comparison. */
  rounds: number
  /** Seconds of load in each. */
  seconds: number
  /** A PostgreSQL for this bench only. */
  databaseUrl: string
  /** For logs and scripts; gone afterwards. */
  folder: string
  say: (line: string) => void
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Median with the range, so that a noisy machine shows. */
export function spreadOf(values: readonly number[], format: (value: number) => string): string {
  return `${format(median(values))} (${format(Math.min(...values))}–${format(Math.max(...values))} in ${values.length})`
}
