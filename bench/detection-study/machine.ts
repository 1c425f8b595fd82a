import type { RandomSource } from './random.ts'

export type NoiseLevel = 'quiet' | 'normal' | 'drifty' | 'noisy'

/** How unsteady a machine is; standard deviations of the logarithm of latency. */
export interface Noise {
  /** Wander within a block, with a memory of about 0.7 s (measured: DETECTION's "memory about 0.7 s"). */
  wander: number
  /**
   * Random walk from one block to the next, which both sides of a pair see, one a block later than the other.
   */
  drift: number
  /** Chance that a quarter of a second is a burst (a neighbour, a collection), two to four times as slow. */
  burst: number
}

/** Levels whose pairs of 2.5 s differ by about as much as the ones measured did. */
export const noiseLevels: Record<NoiseLevel, Noise> = {
  quiet: { wander: 0.03, drift: 0.01, burst: 0.0005 },
  normal: { wander: 0.08, drift: 0.02, burst: 0.002 },
  drifty: { wander: 0.06, drift: 0.04, burst: 0.002 },
  noisy: { wander: 0.2, drift: 0.06, burst: 0.02 },
}

export const slotSeconds = 0.25
const memorySeconds = 0.7

/** A machine over time: for one block after the other, the logarithm of its slowness in each slot. */
export function machine(noise: Noise, random: RandomSource): (slots: number) => Float64Array {
  const keep = Math.exp(-slotSeconds / memorySeconds)
  let wander = random.normal() * noise.wander
  let drift = 0
  return (slots) => {
    drift += random.normal() * noise.drift
    return Float64Array.from({ length: slots }, () => {
      wander = keep * wander + Math.sqrt(1 - keep * keep) * noise.wander * random.normal()
      const burst = random.uniform() < noise.burst ? Math.log(2 + 2 * random.uniform()) : 0
      return drift + wander + burst
    })
  }
}
