import { confidenceLimits, pValueBetter, pValueWorse, smallestDetectableEffect } from '../compare/effect.ts'
import { minPairs } from '../compare/options.ts'
import { trimmedMean } from '../compare/trimmed.ts'
import { describeDetectable, formatChange, formatInterval, formatMargin } from '../compare/wording.ts'
import type { RowStatus, VerdictRow } from '../verdict.ts'
import { readFact } from './units.ts'
import type { DuetUnits } from './units.ts'

/** Fresh copies of one code differ by a few per cent in CPU time: their compiler optimised differently. */
export const cpuMargin = 0.1

/** No scheduler accounts for time more exactly than this. */
const leastSpread = 0.005

const cpuMetrics = [
  { metric: 'cpuMsPerRequest', name: 'CPU per request' },
  { metric: 'databaseCpuMsPerRequest', name: 'CPU of the database per request' },
] as const

type CpuMetric = (typeof cpuMetrics)[number]

/**
 * CPU time per request of the service, and of what its database computes for it: independent evidence. It
 * does not depend on the rate, hardly on the machine's noise, shows costs that waiting hides, and their
 * place; it does not show waiting itself. Judged alone, at the analysis' own level, which the two metrics
 * share (Bonferroni). No row where units lack it.
 */
export function judgeCpu(
  units: DuetUnits,
  { alpha, confidence, margin = cpuMargin }: { alpha: number; confidence: number; margin?: number },
): VerdictRow[] {
  const known = cpuMetrics
    .map((cpuMetric) => ({ cpuMetric, logs: logPairs(units, cpuMetric.metric) }))
    .filter(({ logs }) => logs.length >= minPairs)
  return known.map(({ cpuMetric, logs }) =>
    judgeCpuMetric(cpuMetric, logs, { alpha: alpha / known.length, confidence, margin }),
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
  const remark =
    status === 'skipped'
      ? describeDetectable(status, metric, Math.exp(smallestDetectableEffect(effect, alpha, limit)))
      : ''
  const message =
    `${name} ${threeDigits(level)} → ${threeDigits(level * ratio)} ms: ` +
    `${formatChange(ratio, margin)} (${formatInterval(ci)}), ${formatMargin(margin)}${remark}`
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

/** `0.200`, `12.0`, `1700`: never an exponent, which toPrecision writes from 1000 on. */
function threeDigits(value: number): string {
  const places = value > 0 ? 2 - Math.floor(Math.log10(value)) : 2
  return value.toFixed(Math.min(6, Math.max(0, places)))
}
