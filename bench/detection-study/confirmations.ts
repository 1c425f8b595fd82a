import { planInterimAnalyses } from '../../baselines/compare/index.ts'
import { confirmationAlpha, judgeDuet, shortConfirmationAlpha } from '../../baselines/duet/index.ts'
import type { NoiseLevel } from './machine.ts'
import type { Change } from './service.ts'
import { simulateDuet } from './simulations.ts'

/** How a fail is measured again: the length of its units, and after how many pairs it is analysed. */
export const designs = {
  '2.5 s': { seconds: 2.5, analyses: [8, 12, 16, 24], alpha: confirmationAlpha },
  '1.25 s': { seconds: 1.25, analyses: [8, 16, 24, 32, 48], alpha: shortConfirmationAlpha },
} as const

const levels: readonly NoiseLevel[] = ['quiet', 'normal', 'noisy']

/** How often a confirmation fails at any of its analyses, and after how many seconds on average. */
export function confirmChanges(
  design: keyof typeof designs,
  change: Change,
  cases: number,
  firstSeed: number,
): { count: number; cases: number; seconds: number } {
  const { seconds, analyses, alpha: total } = designs[design]
  const plan = planInterimAnalyses(analyses, total)
  const taken = levels.flatMap((level) =>
    Array.from({ length: cases }, (_, index) => {
      const pairs = Math.max(...analyses)
      const duet = simulateDuet({ level, change, pairs, seconds }, firstSeed + index)
      const failing = plan.find(
        ({ pairs: count, alpha, confidence }) =>
          judgeDuet(
            {
              baseline: duet.baseline.slice(0, count),
              candidate: duet.candidate.slice(0, count),
              exact: {},
            },
            { alpha, confidence },
          ).verdict === 'fail',
      )
      return failing === undefined ? [] : [failing.pairs * seconds]
    }),
  )
  const failed = taken.flat()
  return {
    count: failed.length,
    cases: taken.length,
    seconds: failed.reduce((sum, one) => sum + one, 0) / Math.max(1, failed.length),
  }
}
