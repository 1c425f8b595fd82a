import { judgeProcessControl } from '../../baselines/duet/index.ts'
import { noiseLevels, seeded } from './machine.ts'
import type { NoiseLevel } from './machine.ts'
import { simulateDuet } from './simulations.ts'

/** What `vigil ab --control` measures: eight pairs of units of 2.5 s. */
const plan = { pairs: 8, seconds: 2.5 }

/**
 * How often a second copy of the baseline fails, at all noise levels.
 *
 * @param deviation standard deviation of the logarithm of latency from one process of the same code to the
 * next
 */
export function failProcessControls(
  deviation: number,
  cases: number,
  firstSeed: number,
): { count: number; cases: number } {
  const failed = (Object.keys(noiseLevels) as NoiseLevel[]).flatMap((level) =>
    Array.from({ length: cases }, (_, index) => {
      const seed = firstSeed + index
      const all = Math.exp(seeded(seed).normal() * deviation)
      const { baseline, candidate } = simulateDuet({ ...plan, level, change: { all } }, seed)
      const control = judgeProcessControl({ baseline, candidate, exact: {} }, {})
      return control?.failed !== undefined
    }),
  )
  return { count: failed.filter(Boolean).length, cases: failed.length }
}
