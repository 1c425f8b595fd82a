import { amount } from '../../baselines/index.ts'
import type { VerdictRow } from '../../baselines/index.ts'
import type { Comparison, ReportInput } from '../input.ts'
import { cleanText, notMeasured } from './format.ts'
import { listBrokenRows } from './rules.ts'

/** Names a row of a comparison that is about no step. */
export const wholeRun = 'whole run'

/** The step of a row of a comparison, cleaned. */
export function formatPlace({ step }: VerdictRow): string {
  return step === null ? wholeRun : cleanText(step, 80)
}

/**
 * Rows with an effect: what a forest plot shows. Failed ones first, in the order of the verdict otherwise.
 */
export function listEffects(rows: readonly VerdictRow[]): VerdictRow[] {
  return rows.filter(({ ratio }) => ratio !== undefined && ratio > 0 && Number.isFinite(ratio))
}

/** `30×`, `1.4×` of something twice as large or more; else `26 %`. Without a sign. */
export function formatFactor(ratio: number): string {
  if (ratio >= 2 || ratio <= 0.5) {
    const times = ratio >= 2 ? ratio : 1 / ratio
    return `${Number(times.toPrecision(times >= 100 ? 3 : 2))}×`
  }
  return `${Number((Math.abs(ratio - 1) * 100).toPrecision(2))} %`
}

/** `+26 %`, `−12 %`, `30×`. */
export function formatRatio(ratio: number): string {
  if (ratio >= 2) return formatFactor(ratio)
  const percent = Number(((ratio - 1) * 100).toPrecision(2))
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent)} %`
}

export function formatLimits(ci: readonly [number, number] | undefined): string {
  return ci === undefined || !ci.every(Number.isFinite)
    ? ''
    : `${formatRatio(ci[0])} to ${formatRatio(ci[1])}`
}

const labels: Record<string, string> = {
  p50Ms: 'p50',
  p90Ms: 'p90',
  p95Ms: 'p95',
  p99Ms: 'p99',
  meanMs: 'mean',
  errorRate: 'errors',
  throughputRps: 'throughput',
  requestsPerMinute: 'throughput',
  rssBytes: 'memory',
  cpuMsPerRequest: 'CPU per request',
  databaseCpuMsPerRequest: 'CPU of the database per request',
}

export function formatMetric({ metric }: VerdictRow): string {
  return Object.hasOwn(labels, metric) ? (labels[metric] ?? '') : cleanText(metric, 40)
}

/** The level of one side in the unit of the row's metric. */
export function formatLevel({ metric }: VerdictRow, value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return notMeasured
  if (metric.endsWith('Ms') || metric.endsWith('MsPerRequest')) return amount('ms', value)
  return metric === 'errorRate' ? amount('ratio', value) : String(Number(value.toPrecision(3)))
}

const maxNamedSteps = 4

/** What a duet found, in one sentence: how much slower, how sure, where, and how often it was seen. */
export function summarizeComparison(comparison: Comparison, { verdict }: ReportInput): string {
  const candidate = cleanText(comparison.sides.candidate, 80)
  const [worst] = listBrokenRows(verdict)
  switch (verdict.verdict) {
    case 'fail':
      return [
        `${candidate} is ${describeLoss(verdict.rows) ?? `worse: ${cleanText(worst?.message ?? '')}`}`,
        describeSteps(verdict.rows),
        `; ${describeRepetition(comparison)}`,
      ].join('')
    case 'pass':
      return `${candidate} is not slower by more than the margin${describeEstimate(verdict.rows)}`
    case 'inconclusive':
      return `it cannot be decided whether ${candidate} is slower${describeEstimate(verdict.rows)}`
    case 'invalid':
      return `nothing can be said about ${candidate}: ${cleanText(worst?.message ?? 'nothing was measured')}`
  }
}

/** The latency that is worse, best known first: p95 of the whole run, then the largest loss. */
function describeLoss(rows: readonly VerdictRow[]): string | undefined {
  const failed = listEffects(rows).filter(({ status, metric }) => status === 'fail' && metric.endsWith('Ms'))
  const row =
    failed.find(({ step, metric }) => step === null && metric === 'p95Ms') ??
    failed.toSorted((a, b) => (b.ratio ?? 0) - (a.ratio ?? 0))[0]
  if (row?.ratio === undefined) return undefined
  const limits = formatLimits(row.ci)
  return (
    `${formatFactor(row.ratio)} slower at ${formatMetric(row)}` +
    (limits === '' ? '' : ` (95 % limits ${limits})`)
  )
}

function describeSteps(rows: readonly VerdictRow[]): string {
  const steps = [...new Set(rows.flatMap(({ status, step }) => (status === 'fail' && step ? [step] : [])))]
  if (steps.length === 0) return ''
  const shown = steps.slice(0, maxNamedSteps).map((step) => cleanText(step, 60))
  const left = steps.length - shown.length
  return `, in ${shown.join(' and ')}${left > 0 ? ` and ${left} more steps` : ''}`
}

function describeRepetition({ processPairs, pairs }: Comparison): string {
  const measured = `${pairs} ${pairs === 1 ? 'pair' : 'pairs'}`
  if (processPairs < 2) return `${measured} on one pair of processes`
  return `seen ${processPairs === 2 ? 'twice' : `${processPairs} times`}, on fresh processes; ${measured}`
}

function describeEstimate(rows: readonly VerdictRow[]): string {
  const estimates = ['p50Ms', 'p95Ms'].flatMap((wanted) => {
    const row = listEffects(rows).find(({ step, metric }) => step === null && metric === wanted)
    if (row?.ratio === undefined) return []
    const limits = formatLimits(row.ci)
    return [`${formatMetric(row)} ${formatRatio(row.ratio)}${limits === '' ? '' : `, 95 % limits ${limits}`}`]
  })
  return estimates.length === 0 ? '' : ` (${estimates.join('; ')})`
}
