import { histogramOf } from '../../../record/index.ts'
import type { Histogram } from '../../../record/index.ts'

/**
 * A stream of numbers in 0..1 that is the same every time (mulberry32): examples must not change from run to
 * run.
 */
export function stream(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Latencies as services show them: a log-normal body round the median, and a share of slow ones. */
export interface Shape {
  medianMs: number
  /** Standard deviation of the logarithm; 0.3 is a calm service. */
  spread: number
  slowShare?: number
  slowMs?: number
}

export function latencies(
  shape: Shape,
  n: number,
  random: () => number,
): { histogram: Histogram; sumMs: number } {
  const samples = Array.from({ length: n }, () => sample(shape, random))
  return { histogram: histogramOf(samples.map(toThreeDigits)), sumMs: samples.reduce((a, b) => a + b, 0) }
}

function sample({ medianMs, spread, slowShare = 0, slowMs = 0 }: Shape, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const body = medianMs * Math.exp(spread * normal)
  return random() < slowShare ? body + slowMs * (0.6 + 0.8 * random()) : body
}

// Buckets of 0.1 to 1 %, as an engine's histogram has them: an example need not hold a line for each
// microsecond.
function toThreeDigits(ms: number): number {
  return Number(ms.toPrecision(3))
}
