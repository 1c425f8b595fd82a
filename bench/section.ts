import { median } from '../record/statistics/index.ts'
/** One claim about speed or size, measured side by side with what it is compared with. */
export interface Section {
  name: string
  /** What is compared with what, in a line. */
  about: string
  run: (bench: Bench) => Promise<Figure[]>
}

/** A measured figure and the goal it has; `met` is left out where there is no goal. */
export interface Figure {
  what: string
  value: string
  goal?: string
  met?: boolean
}

/** What sections share. */
export interface Bench {
  /** Rounds of each comparison. */
  rounds: number
  /** Absolute path of the checkout. */
  root: string
  /** A fresh folder for this bench's files. */
  folder: string
  say: (text: string) => void
}

/** Median with the range, so that a noisy machine shows. */
export function spreadOf(values: readonly number[], format: (value: number) => string): string {
  return (
    `${format(median(values))} (${format(Math.min(...values))}–${format(Math.max(...values))} in ` +
    `${values.length})`
  )
}

/**
 * Measures two things in turn, each first in every other round, and gives the ratios a / b round by round:
 * what drifts in the machine touches both alike.
 */
export async function ratios(
  rounds: number,
  a: () => Promise<number>,
  b: () => Promise<number>,
): Promise<number[]> {
  const found: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const first = round % 2 === 0 ? await a() : undefined
    const other = await b()
    const value = first ?? (await a())
    found.push(value / other)
  }
  return found
}
