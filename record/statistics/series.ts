/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).toSorted()
  const half = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2
}

/**
 * How the deviations of a series from its `centre` resemble those before them, and the sum of their squares.
 */
export function lagOneCorrelation(
  values: readonly number[],
  centre: number,
): { correlation: number; squares: number } {
  let [lagged, squares] = [0, 0]
  for (const [index, value] of values.entries()) {
    squares += (value - centre) ** 2
    if (index > 0) lagged += (value - centre) * ((values[index - 1] ?? 0) - centre)
  }
  return { correlation: squares === 0 ? 0 : lagged / squares, squares }
}

/**
 * By how much the variance of a mean grows when each value resembles the one before: (1 + r) / (1 − r) for a
 * series of lag-1 correlation r < 1 (Bartlett 1946).
 */
export function varianceInflation(correlation: number): number {
  return (1 + correlation) / (1 - correlation)
}
