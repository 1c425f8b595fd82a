import { confidenceLimits, pValueBetter, pValueWorse, smallestDetectableEffect } from '../compare/effect.ts'
import { minPairs } from '../compare/options.ts'
import { trimmedMean } from '../compare/trimmed.ts'
import { formatChange, formatInterval, formatMargin } from '../compare/wording.ts'
import type { RowStatus, VerdictRow } from '../verdict.ts'
import { readFact } from './units.ts'
import type { DuetUnits } from './units.ts'

/** Fresh copies of one code differ by a few per cent in CPU time: how their compiler went about it. */
export const cpuMargin = 0.1

/** No scheduler accounts for time more exactly than this. */
const leastSpread = 0.005

const cpuMetrics = [
  { metric: 'cpuMsPerRequest', name: 'CPU per request' },
  { metric: 'databaseCpuMsPerRequest', name: 'CPU of the database per request' },
] as const

type CpuMetric = (typeof cpuMetrics)[number]

/**
 * CPU time per request of the service, and of what its database computes for it: a second witness. It does not depend on the rate, hardly
 * on the machine's mood, sees what hides behind the waiting, and tells where; it is blind to waiting itself. Judged by
 * itself, at the look's own level, which the two share (Bonferroni). No row where units do not know it.
 */
export function judgeCpu(
  units: DuetUnits,
  { alpha, confidence, margin = cpuMargin }: { alpha: number; confidence: number; margin?: number },
): VerdictRow[] {
  const known = cpuMetrics
    .map((witness) => ({ witness, logs: logPairs(units, witness.metric) }))
    .filter(({ logs }) => logs.length >= minPairs)
  return known.map(({ witness, logs }) =>
    judgeCpuMetric(witness, logs, { alpha: alpha / known.length, confidence, margin }),
  )
}

/** Of each pair that knows the figure: the logarithms of the baseline's, and of candidate over baseline. */
interface LogPair {
  b: number
  difference: number
}

function logPairs({ baseline, candidate }: DuetUnits, metric: CpuMetric['metric']): LogPair[] {
  return baseline.flatMap((run, index) => {
    const other = candidate[index]
    const [b, c] = [readFact(run, 'server', metric), other && readFact(other, 'server', metric)]
    return b !== undefined && c !== undefined && b > 0 && c > 0
      ? [{ b: Math.log(b), difference: Math.log(c / b) }]
      : []
  })
}

function judgeCpuMetric(
  { metric, name }: CpuMetric,
  logs: readonly LogPair[],
  { alpha, confidence, margin }: { alpha: number; confidence: number; margin: number },
): VerdictRow {
  const effect = trimmedMean(
    logs.map(({ difference }) => difference),
    leastSpread,
  )
  const limit = Math.log1p(margin)
  const { lower, upper } = confidenceLimits(effect, confidence)
  const status = ((): RowStatus => {
    if (effect.value > limit && pValueWorse(effect) <= alpha) return 'fail'
    if (effect.value < -limit && pValueBetter(effect) <= alpha) return 'improved'
    return upper < limit ? 'pass' : 'skipped'
  })()
  const level = Math.exp(trimmedMean(logs.map(({ b }) => b)).value)
  const [ratio, ci] = [Math.exp(effect.value), [Math.exp(lower), Math.exp(upper)] satisfies [number, number]]
  const unseen =
    status === 'skipped'
      ? `; not vouched for: a change under ${formatChange(Math.exp(smallestDetectableEffect(effect, alpha, limit)))} would go unseen`
      : ''
  const message = `${name} ${level.toPrecision(3)} → ${(level * ratio).toPrecision(3)} ms: ${formatChange(ratio, margin)} (${formatInterval(ci)}), ${formatMargin(margin)}${unseen}`
  return {
    rule: 'cpu',
    step: null,
    metric,
    status,
    baseline: level,
    candidate: level * ratio,
    ratio,
    ci,
    margin,
    message,
  }
}
