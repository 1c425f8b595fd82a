import type { Window } from './distribution.ts'

export type QuantileName = 'p50Ms' | 'p95Ms' | 'p99Ms'

/** A quantile as a comparison measures it. */
export interface Quantile {
  name: QuantileName
  label: string
  share: number
  window: Window
}

export type Quantiles = Record<QuantileName, Quantile>

/**
 * Each quantile is averaged over its neighbourhood, so that it says the same with less noise: the middle two fifths of the
 * requests for the median, a few per cent in the tail (bench/detection-study shows what it brings).
 */
export const quantiles: Quantiles = {
  p50Ms: { name: 'p50Ms', label: 'p50', share: 0.5, window: { from: 0.3, to: 0.7 } },
  p95Ms: { name: 'p95Ms', label: 'p95', share: 0.95, window: { from: 0.93, to: 0.97 } },
  p99Ms: { name: 'p99Ms', label: 'p99', share: 0.99, window: { from: 0.985, to: 0.995 } },
}

/** A block must hold three requests beyond a quantile for it to be one. */
const requestsBeyond = 3

/** How many answered requests a block needs for this quantile. */
export function minRequestsFor({ share }: Quantile): number {
  return Math.ceil(requestsBeyond / (1 - share) - 1e-9)
}
