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
