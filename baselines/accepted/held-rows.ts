import { confidenceLimits, smallestDetectableEffect } from '../compare/effect.ts'
import { formatChange, formatCount, formatInterval, formatMargin } from '../compare/wording.ts'
import type { RowStatus, VerdictRow } from '../verdict.ts'
import { amount } from '../wording.ts'
import { baselineAlpha } from './held-tests.ts'
import type { BaselineTest, BaselineTests } from './held-tests.ts'
import type { BaselineMetric } from './readings.ts'

/** One-sided, of the limits that a row shows and a pass rests on. */
const confidence = 0.95
/** Whether it is red is decided: at this level what else is worse is named. */
const naming = 0.05

const labels: Record<BaselineMetric, string> = {
  p50Ms: 'p50',
  p95Ms: 'p95',
  p99Ms: 'p99',
  throughputRps: 'throughput',
  cpuMsPerRequest: 'CPU per request',
  statementsPerRequest: 'SQL statements per request',
}

/** Rows of a run held against accepted ones: one for each thing asked of the whole, and those steps that tell something; worst first. */
export function buildRows({ tests, errors, alphaOfOne }: BaselineTests, accepted: number): VerdictRow[] {
  const sure = tests.some((test) => isWorse(test, baselineAlpha))
  const rows = tests
    .map((test) => buildRow(test, chooseStatus(test, sure), alphaOfOne, accepted))
    .filter((row) => row.step === null || row.status === 'fail' || row.status === 'improved')
  const order: RowStatus[] = ['fail', 'improved', 'pass', 'skipped']
  return [...rows, errorRow(errors)].toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status))
}

function isWorse({ pWorse, effect, limit }: BaselineTest, alpha: number): boolean {
  return pWorse <= alpha && effect.value > limit
}

function chooseStatus(test: BaselineTest, sure: boolean): RowStatus {
  const { effect, limit, pBetter } = test
  if (isWorse(test, baselineAlpha) || (sure && isWorse(test, naming))) return 'fail'
  if (pBetter <= baselineAlpha && effect.value < -limit) return 'improved'
  return confidenceLimits(effect, confidence).upper < limit ? 'pass' : 'skipped'
}

function buildRow(test: BaselineTest, status: RowStatus, alphaOfOne: number, accepted: number): VerdictRow {
  const { rule, reading, effect, limit } = test
  const { metric, step, worse } = reading
  const { lower, upper } = confidenceLimits(effect, confidence)
  const ratio = Math.exp(worse * effect.value)
  const ci: [number, number] =
    worse === 1 ? [Math.exp(lower), Math.exp(upper)] : [Math.exp(-upper), Math.exp(-lower)]
  const baseline = Math.exp(effect.level)
  const [against, mine] =
    rule === 'anchor'
      ? ['of the anchor', 'of this and the newest runs']
      : [`of ${formatCount(accepted, 'accepted run')}`, '']
  const unseen = formatChange(Math.exp(worse * smallestDetectableEffect(effect, alphaOfOne, limit)))
  const remark =
    status === 'skipped'
      ? `; not vouched for: a change under ${unseen} would go unseen`
      : status === 'pass'
        ? `; smallest change seen: ${unseen}`
        : ''
  return {
    rule,
    step,
    metric,
    status,
    baseline,
    candidate: baseline * ratio,
    ratio,
    ci,
    margin: Math.expm1(limit),
    message: `${labels[metric]} ${formatFigure(metric, baseline)} ${against} → ${[formatFigure(metric, baseline * ratio), mine].filter((part) => part !== '').join(' ')}: ${formatChange(ratio, worse * Math.expm1(limit))} (${formatInterval(ci)}), ${formatMargin(Math.expm1(limit))}${remark}`,
  }
}

function formatFigure(metric: BaselineMetric, value: number): string {
  if (metric === 'throughputRps') return `${Number(value.toPrecision(3))} req/s`
  return metric === 'statementsPerRequest' ? String(Number(value.toPrecision(3))) : amount('ms', value)
}

/** Errors lost are judged by the budget too; here only whether they grew. */
function errorRow(errors: BaselineTests['errors']): VerdictRow {
  const [baseline, candidate] = [
    errors.baseline / errors.baselineRequests,
    errors.candidate / errors.candidateRequests,
  ]
  const status: RowStatus =
    errors.pAdjusted <= baselineAlpha && errors.ratio > 1
      ? 'fail'
      : errors.pAdjustedBetter <= baselineAlpha && errors.ratio < 1
        ? 'improved'
        : 'pass'
  return {
    rule: 'baseline',
    step: null,
    metric: 'errorRate',
    status,
    baseline,
    candidate,
    ...(Number.isFinite(errors.ratio) && { ratio: errors.ratio }),
    message: `errors ${errors.candidate} of ${errors.candidateRequests} (${amount('ratio', candidate)}), of the accepted runs ${errors.baseline} of ${errors.baselineRequests} (${amount('ratio', baseline)})`,
  }
}
