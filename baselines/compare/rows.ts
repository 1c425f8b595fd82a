import { amount } from '../wording.ts'
import { isMostlyFailed } from '../verdict.ts'
import type { RowStatus, VerdictRow } from '../verdict.ts'
import type { ErrorComparison } from './errors.ts'
import { confidenceLimits, pairsToSettle, smallestDetectableEffect } from './effect.ts'
import type { TestFamily, ErrorTest, MeasureTest } from './family.ts'
import { minPairs } from './options.ts'
import type { Rules } from './options.ts'
import { minRequestsFor, quantiles } from './quantiles.ts'
import {
  describeDetectable,
  formatChange,
  formatCount,
  formatInterval,
  measureLabel,
  formatLevels,
  formatMargin,
} from './wording.ts'

/**
 * Too significant for a pass, not significant enough for a fail. Also the level at which the steps of an
 * established fail are named.
 */
const suspicionAlpha = 0.05
/** A pass requires these overall metrics; the others only add to it. */
const required = new Set(['p50Ms', 'p95Ms'])
/** No release is so much faster; what is has another unit, or answers something else. */
const implausibleGain = Math.log(200)

/** Every row of a comparison, worst first. */
export function buildRows(family: TestFamily, rules: Rules): VerdictRow[] {
  const hasFail = family.tested.some((test) => isWorse(test, family.alpha))
  const judged = family.tested.map((test) => ({
    row: test.kind === 'errors' ? errorRow(test, family) : measureRow(test, family, rules, hasFail),
    weight: evidenceStrength(test),
  }))
  const untested = family.untested.map(({ measure, usable }) => ({
    row: untestedRow(measure, usable, family),
    weight: 0,
  }))
  const order: RowStatus[] = ['invalid', 'fail', 'inconclusive', 'improved', 'pass', 'skipped']
  return [...judged, ...untested]
    .toSorted(
      (a, b) =>
        order.indexOf(a.row.status) - order.indexOf(b.row.status) ||
        (a.row.status === 'improved' ? a.weight - b.weight : b.weight - a.weight),
    )
    .map(({ row }) => row)
}

/** How strong the evidence is: standard errors from "nothing changed". */
function evidenceStrength(test: MeasureTest | ErrorTest): number {
  if (test.kind === 'errors') return -Math.log10(Math.max(test.pWorse, 1e-300))
  return test.effect.value / test.effect.standardError
}

function isBeyondMargin(test: MeasureTest | ErrorTest): boolean {
  return test.kind === 'errors' ? Math.log(test.errors.ratio) > test.limit : test.effect.value > test.limit
}

function isWorse(test: MeasureTest | ErrorTest, alpha: number): boolean {
  return test.pWorse <= alpha && isBeyondMargin(test)
}

function chooseStatus(test: MeasureTest, family: TestFamily, upper: number, hasFail: boolean): RowStatus {
  const { effect, measure, limit } = test
  if (isWorse(test, family.alpha)) return 'fail'
  // The fail is certain: naming a wrong step next to the right one costs less than naming none.
  if (hasFail && measure.step !== null && test.pAmongSteps <= suspicionAlpha && isBeyondMargin(test))
    return 'fail'
  if (effect.value < -implausibleGain && measure.worse === 1) return 'invalid'
  if (test.pBetter <= family.alpha && effect.value < -limit) return 'improved'
  if (upper < limit) return 'pass'
  const open = (measure.step === null && required.has(measure.metric)) || isWorse(test, suspicionAlpha)
  return open ? 'inconclusive' : 'skipped'
}

function measureRow(test: MeasureTest, family: TestFamily, rules: Rules, hasFail: boolean): VerdictRow {
  const { measure, effect, limit } = test
  const { lower, upper } = confidenceLimits(effect, rules.confidence)
  const status = chooseStatus(test, family, upper, hasFail)
  const ratio = Math.exp(measure.worse * effect.value)
  const ci: [number, number] =
    measure.worse === 1 ? [Math.exp(lower), Math.exp(upper)] : [Math.exp(-upper), Math.exp(-lower)]
  const baseline = Math.exp(effect.level)
  const margin = Math.expm1(limit)
  // One pair has no spread, so no interval.
  const known = ci.every(Number.isFinite)
  const figures =
    `${measureLabel(measure)} ${formatLevels(measure, baseline, baseline * ratio)}: ` +
    `${formatChange(ratio, measure.worse * margin)}${known ? ` (${formatInterval(ci)})` : ''}, ` +
    formatMargin(margin)
  return {
    rule: 'comparison',
    step: measure.step,
    metric: measure.metric,
    status,
    baseline,
    candidate: baseline * ratio,
    ratio,
    ...(known && { ci }),
    margin,
    ...toNeeded(status, test, family, rules),
    ...toDetectable(status, test, family),
    message: `${figures}${family.count < minPairs ? '' : describeStatus(status, test, family, rules)}`,
  }
}

/** Pairs, or runs on each side, that would settle an open row. */
function toNeeded(
  status: RowStatus,
  { effect, limit }: MeasureTest,
  family: TestFamily,
  rules: Rules,
): { needed?: number } {
  if (status !== 'inconclusive' || family.count < minPairs) return {}
  const goal = { alpha: family.alphaOfOne, margin: limit, confidence: rules.confidence }
  const pairs = pairsToSettle(effect, goal)
  return pairs === undefined ? {} : { needed: family.count + pairs - effect.count }
}

function toDetectable(
  status: RowStatus,
  { measure, effect, limit }: MeasureTest,
  family: TestFamily,
): { detectable?: number } {
  if ((status !== 'pass' && status !== 'skipped') || family.count < minPairs) return {}
  const detectable = Math.exp(measure.worse * smallestDetectableEffect(effect, family.alphaOfOne, limit))
  return Number.isFinite(detectable) ? { detectable } : {}
}

function describeStatus(status: RowStatus, test: MeasureTest, family: TestFamily, rules: Rules): string {
  const { measure } = test
  const { detectable = Infinity } = toDetectable(status, test, family)
  switch (status) {
    case 'fail':
    case 'improved':
      return ''
    case 'invalid':
      return '; a change of this size is another unit or another answer: compare both records'
    case 'pass':
      return describeDetectable('pass', measure.metric, detectable)
    case 'skipped':
      return describeDetectable('skipped', measure.metric, detectable)
    case 'inconclusive':
      return `; undecided: ${describeMissingPairs(toNeeded(status, test, family, rules).needed, family)}`
  }
}

function describeMissingPairs(needed: number | undefined, family: TestFamily): string {
  const word = family.paired ? 'more pair' : 'more run'
  if (needed === undefined)
    return 'the change is about as large as the margin, and no reasonable number of pairs would settle it'
  return `about ${formatCount(needed - family.count, word)}${family.paired ? '' : ' a side'} would settle it`
}

/** Errors of both sides, and by which factor their rate grew. */
interface ErrorCounts {
  baseline: number
  baselineRequests: number
  candidate: number
  candidateRequests: number
  ratio: number
}

/** A row on the error rate, without its message. */
export function errorRateRow(
  rule: string,
  errors: ErrorCounts,
  status: RowStatus,
): Omit<VerdictRow, 'message'> & { baseline: number; candidate: number } {
  return {
    rule,
    step: null,
    metric: 'errorRate',
    status,
    baseline: errors.baseline / errors.baselineRequests,
    candidate: errors.candidate / errors.candidateRequests,
    ...(Number.isFinite(errors.ratio) && { ratio: errors.ratio }),
  }
}

function errorRow(test: ErrorTest, family: TestFamily): VerdictRow {
  const { errors, limit } = test
  const status: RowStatus = isWorse(test, family.alpha)
    ? 'fail'
    : isWorse(test, suspicionAlpha) || hasOnlyCandidateFailed(errors)
      ? 'inconclusive'
      : test.pBetter <= family.alpha && Math.log(errors.ratio) < -limit
        ? 'improved'
        : 'pass'
  const bursts =
    errors.overdispersion > 1.5
      ? `; they come in bursts, one counts as ${Number(errors.overdispersion.toPrecision(2))}`
      : ''
  const row = errorRateRow('comparison', errors, status)
  return {
    ...row,
    margin: Math.expm1(limit),
    message:
      `errors ${errors.baseline} of ${errors.baselineRequests} (${amount('ratio', row.baseline)}) → ` +
      `${errors.candidate} of ${errors.candidateRequests} ` +
      `(${amount('ratio', row.candidate)})${bursts}` +
      (status === 'inconclusive' ? '; undecided: more pairs would settle it' : ''),
  }
}

/** Even where errors come in bursts so large that they count as a few. */
function hasOnlyCandidateFailed({
  candidate,
  candidateRequests,
  baseline,
  baselineRequests,
}: ErrorComparison): boolean {
  return (
    isMostlyFailed({ requests: candidateRequests, errors: candidate }) &&
    !isMostlyFailed({ requests: baselineRequests, errors: baseline })
  )
}

function untestedRow(measure: MeasureTest['measure'], usable: number, family: TestFamily): VerdictRow {
  const open = measure.step === null && required.has(measure.metric)
  const blank = [...measure.baseline, ...measure.candidate].every((value) => Number.isNaN(value))
  const needed = measure.metric === 'throughputRps' ? 1 : minRequestsFor(quantiles[measure.metric])
  const least = measure.tooFew?.least ?? 0
  const where = measure.step === null ? 'a block' : `a block of ${measure.step}`
  const why =
    `${measureLabel(measure)} not judged: ${where} holds as few as ${formatCount(least, 'answer')}, ` +
    `${needed} are needed (${usable} of ${family.count} blocks have them); raise the rate`
  return {
    rule: 'comparison',
    step: measure.step,
    metric: measure.metric,
    status: open && !(blank && least === 0) ? 'inconclusive' : 'skipped',
    message: why,
  }
}
