import { limitsOf, pBetter, pWorse, smallestDetectable } from '../compare/effect.ts'
import { leastPairs } from '../compare/options.ts'
import { trimmedMean } from '../compare/trimmed.ts'
import { change, interval, marginText } from '../compare/wording.ts'
import type { RowStatus, VerdictRow } from '../verdict.ts'
import { factOf } from './units.ts'
import type { DuetUnits } from './units.ts'

/** Fresh copies of one code differ by a few per cent in CPU time: how their compiler went about it. */
export const cpuMargin = 0.1

/** No scheduler accounts for time more exactly than this. */
const leastSpread = 0.005

/**
 * CPU time per request, a second witness: it does not depend on the rate, hardly on the machine's mood, and sees what
 * hides behind the waiting; it is blind to waiting itself. Judged by itself, at the look's own level. None where units do
 * not know it.
 */
export function cpuRows({ baseline, candidate }: DuetUnits, { alpha, confidence, margin = cpuMargin }: { alpha: number; confidence: number; margin?: number }): VerdictRow[] {
  const logs = baseline.flatMap((run, index) => {
    const other = candidate[index]
    const [b, c] = [factOf(run, 'server', 'cpuMsPerRequest'), other && factOf(other, 'server', 'cpuMsPerRequest')]
    return b !== undefined && c !== undefined && b > 0 && c > 0 ? [{ b: Math.log(b), difference: Math.log(c / b) }] : []
  })
  if (logs.length < leastPairs) return []
  const effect = trimmedMean(logs.map(({ difference }) => difference), leastSpread)
  const limit = Math.log1p(margin)
  const { lower, upper } = limitsOf(effect, confidence)
  const status = ((): RowStatus => {
    if (effect.value > limit && pWorse(effect) <= alpha) return 'fail'
    if (effect.value < -limit && pBetter(effect) <= alpha) return 'improved'
    return upper < limit ? 'pass' : 'skipped'
  })()
  const level = Math.exp(trimmedMean(logs.map(({ b }) => b)).value)
  const [ratio, ci] = [Math.exp(effect.value), [Math.exp(lower), Math.exp(upper)] satisfies [number, number]]
  const unseen = status === 'skipped' ? `; not vouched for: a change under ${change(Math.exp(smallestDetectable(effect, alpha, limit)))} would go unseen` : ''
  return [
    {
      rule: 'cpu',
      step: null,
      metric: 'cpuMsPerRequest',
      status,
      baseline: level,
      candidate: level * ratio,
      ratio,
      ci,
      margin,
      message: `CPU per request ${level.toPrecision(3)} → ${(level * ratio).toPrecision(3)} ms: ${change(ratio, margin)} (${interval(ci)}), ${marginText(margin)}${unseen}`,
    },
  ]
}
