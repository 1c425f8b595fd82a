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

/** Random numbers that are the same for the same seed on every machine. */
export interface RandomSource {
  /** In [0, 1). */
  uniform: () => number
  /** Mean 0, variance 1. */
  normal: () => number
}

/** sfc32 (Doty-Humphrey's PractRand), seeded through splitmix32; normals by Marsaglia's polar method. */
export function seeded(seed: number): RandomSource {
  let mixed = seed | 0
  const mix = (): number => {
    mixed = (mixed + 0x9e3779b9) | 0
    let z = mixed ^ (mixed >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return z ^ (z >>> 15)
  }
  let [a, b, c, counter] = [mix(), mix(), mix(), 1]
  const uniform = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + t) | 0
    return (t >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 12; i += 1) uniform()
  let spare: number | undefined
  const normal = (): number => {
    if (spare !== undefined) {
      const kept = spare
      spare = undefined
      return kept
    }
    for (;;) {
      const [x, y] = [2 * uniform() - 1, 2 * uniform() - 1]
      const r = x * x + y * y
      if (r >= 1 || r === 0) continue
      const scale = Math.sqrt((-2 * Math.log(r)) / r)
      spare = y * scale
      return x * scale
    }
  }
  return { uniform, normal }
}
