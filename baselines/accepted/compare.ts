import { minAccepted, recentRuns } from './baseline.ts'
import type { AcceptedRun, Baseline } from './baseline.ts'
import { compactRun } from './accept.ts'
import { isScriptFigure } from './script-readings.ts'
import { baselineAlpha, testAgainstBaseline } from './tests.ts'
import type { BaselineTest, BaselineTests } from './tests.ts'
import type { BaselineMetric, ScriptFigure } from './reading.ts'
import { confidenceLimits, smallestDetectableEffect } from '../compare/effect.ts'
import { incomparableRows } from '../compare/fitness.ts'
import { errorRateRow } from '../compare/rows.ts'
import {
  describeDetectable,
  formatChange,
  formatCount,
  formatInterval,
  formatMargin,
} from '../compare/wording.ts'
import type { RowStatus, VerdictRow } from '../verdict.ts'
import { amount } from '../wording.ts'
import { identifyTarget } from '../../record/index.ts'
import type { Run } from '../../record/index.ts'

/**
 * Compares a run with the accepted runs of its suite in its environment, as rows for its verdict. Nothing
 * cancels between a run and runs of another hour, so a fail must exceed all differences among the accepted
 * runs, and the margin; what cannot be decided is `skipped`, with the smallest change that could have been
 * detected, and makes no verdict inconclusive (docs/adr/0009).
 */
export function compareWithBaseline(baseline: Baseline, run: Run): VerdictRow[] {
  const rows =
    run.validity.valid && !run.interrupted && run.totals.requests > 0 ? comparisonRows(baseline, run) : []
  return rows.map((row) => ({ ...row, suite: run.suite, message: row.message + ownFigure(row, run) }))
}

/**
 * What the record itself says where the comparison has another figure for the same run: it weights the steps
 * as all runs have them, and reads histograms in buckets of 3 %.
 */
function ownFigure({ rule, step, metric, candidate }: VerdictRow, run: Run): string {
  if (rule !== 'baseline' || candidate === undefined || (metric !== 'p50Ms' && metric !== 'p95Ms')) return ''
  const own = (step === null ? run.totals : run.endpoints[step])?.latency[metric]
  if (own === undefined || amount('ms', own) === amount('ms', candidate)) return ''
  const why = step === null ? 'compared at one mix of steps, in buckets of 3 %' : 'compared in buckets of 3 %'
  return `; the run's own ${labels[metric]} is ${amount('ms', own)} (${why})`
}

function comparisonRows(baseline: Baseline, run: Run): VerdictRow[] {
  const candidate: AcceptedRun = compactRun(run)
  const { suite, engine, environment, load } = baseline
  const unfit = incomparableRows(
    baseline.runs.map((accepted) => ({ ...accepted, suite, engine, environment, load })),
    [{ ...candidate, suite: run.suite, engine: run.engine, environment: run.environment, load: run.load }],
  )
  const overall = unfit.filter((row) => row.step === null)
  if (overall.length > 0)
    return overall.map((row) =>
      skipped(row.metric, `${row.message}; accept runs of this kind with vigil baseline accept`),
    )
  if (baseline.runs.length < minAccepted)
    return [
      skipped(
        'runs',
        `not compared: ${baseline.runs.length} accepted ` +
          `${baseline.runs.length === 1 ? 'run' : 'runs'}, ${minAccepted} are needed to know how much ` +
          `runs differ here: vigil baseline accept ${run.id}`,
      ),
    ]
  const alone = new Map(unfit.flatMap((row) => (row.step === null ? [] : [[row.step, row]])))
  const sides = {
    baseline: { ...baseline, runs: baseline.runs.map((accepted) => withoutSteps(accepted, alone)) },
    run: withoutSteps(candidate, alone),
  }
  return [
    ...buildRows(testAgainstBaseline(sides), Math.min(baseline.runs.length, recentRuns)),
    ...otherTargetRows(baseline, run),
    ...[...alone.values()].map(({ step, metric, message }) =>
      skipped(
        metric,
        metric === 'requests'
          ? `${step} is not in both this run and the accepted ones: it was not compared`
          : message,
        step,
      ),
    ),
  ]
}

function skipped(metric: string, message: string, step: string | null = null): VerdictRow {
  return { rule: 'baseline', step, metric, status: 'skipped', message }
}

/**
 * A run of another URL is compared all the same, because a deployment may have an address of its own each
 * time; a reader of a fail must know.
 */
function otherTargetRows({ runs }: Baseline, run: Run): VerdictRow[] {
  const own = identifyTarget(run.target)
  // Runs that were accepted by an older vigil do not hold it.
  const accepted = new Set(
    runs.flatMap(({ target }) => (target === undefined ? [] : [identifyTarget(target)])),
  )
  if (accepted.size === 0 || accepted.has(own)) return []
  return [
    skipped(
      'target',
      `the accepted runs were measured at ${[...accepted].slice(0, 4).join(', ')}, this one at ${own}: ` +
        'a difference may be that of the two services',
    ),
  ]
}

function withoutSteps(run: AcceptedRun, steps: ReadonlyMap<string, VerdictRow>): AcceptedRun {
  return steps.size === 0
    ? run
    : {
        ...run,
        endpoints: Object.fromEntries(Object.entries(run.endpoints).filter(([step]) => !steps.has(step))),
      }
}

/** One-sided, of the limits that a row shows and a pass rests on. */
const confidence = 0.95
/** Once a fail is certain, everything else that is worse at this level is named too. */
const naming = 0.05

const labels: Record<Exclude<BaselineMetric, ScriptFigure>, string> = {
  p50Ms: 'p50',
  p95Ms: 'p95',
  p99Ms: 'p99',
  throughputRps: 'throughput',
  cpuMsPerRequest: 'CPU per request',
  statementsPerRequest: 'SQL statements per request',
}

/**
 * Rows of a run compared with accepted ones: one for each overall metric, and one for each step or check of a
 * script that fails or improved; worst first.
 */
export function buildRows({ tests, errors, alphaOfOne }: BaselineTests, accepted: number): VerdictRow[] {
  const hasFail = tests.some((test) => isWorse(test, baselineAlpha))
  const rows = tests
    .map((test) => buildRow(test, chooseStatus(test, hasFail), alphaOfOne, accepted))
    .filter((row) => isOverall(row) || row.status === 'fail' || row.status === 'improved')
  const order: RowStatus[] = ['fail', 'improved', 'pass', 'skipped']
  return [...rows, errorRow(errors)].toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status))
}

/** A script may have a hundred figures: those that are as before would hide the others. */
function isOverall({ step, metric }: VerdictRow): boolean {
  return step === null && !metric.startsWith('script check ')
}

function isWorse({ pWorse, effect, limit }: BaselineTest, alpha: number): boolean {
  return pWorse <= alpha && effect.value > limit
}

function chooseStatus(test: BaselineTest, hasFail: boolean): RowStatus {
  const { effect, limit, pBetter } = test
  if (isWorse(test, baselineAlpha) || (hasFail && isWorse(test, naming))) return 'fail'
  if (pBetter <= baselineAlpha && effect.value < -limit) return 'improved'
  return confidenceLimits(effect, confidence).upper < limit ? 'pass' : 'skipped'
}

function buildRow(test: BaselineTest, status: RowStatus, alphaOfOne: number, accepted: number): VerdictRow {
  const { rule, reading, effect, limit } = test
  const { metric, step, worse } = reading
  const label = isScriptFigure(metric) ? metric.slice('script '.length) : labels[metric]
  // Less of it is worse, as for throughput.
  const kind = isScriptFigure(metric) && worse === -1 ? 'throughputRps' : metric
  const { lower, upper } = confidenceLimits(effect, confidence)
  const ratio = Math.exp(worse * effect.value)
  const ci: [number, number] =
    worse === 1 ? [Math.exp(lower), Math.exp(upper)] : [Math.exp(-upper), Math.exp(-lower)]
  const baseline = Math.exp(effect.level)
  const [against, mine] =
    rule === 'anchor'
      ? ['of the anchor', 'of this and the newest runs']
      : [`of ${formatCount(accepted, 'accepted run')}`, '']
  const detectable = Math.exp(worse * smallestDetectableEffect(effect, alphaOfOne, limit))
  const remark = status === 'pass' || status === 'skipped' ? describeDetectable(status, kind, detectable) : ''
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
    ...(remark !== '' && Number.isFinite(detectable) && { detectable }),
    message:
      `${label} ${formatFigure(reading, baseline)} ${against} → ` +
      `${[formatFigure(reading, baseline * ratio), mine].filter((part) => part !== '').join(' ')}: ` +
      `${formatChange(ratio, worse * Math.expm1(limit))} (${formatInterval(ci)}), ` +
      `${formatMargin(Math.expm1(limit))}${remark}`,
  }
}

function formatFigure({ metric, unit }: BaselineTest['reading'], value: number): string {
  if (isScriptFigure(metric))
    return unit === undefined ? String(Number(value.toPrecision(3))) : amount(unit, value)
  if (metric === 'throughputRps') return `${Number(value.toPrecision(3))} req/s`
  return metric === 'statementsPerRequest' ? String(Number(value.toPrecision(3))) : amount('ms', value)
}

/** The budget judges the error rate itself; this row only whether it grew. */
function errorRow(errors: BaselineTests['errors']): VerdictRow {
  const status: RowStatus =
    errors.pAdjusted <= baselineAlpha && errors.ratio > 1
      ? 'fail'
      : errors.pAdjustedBetter <= baselineAlpha && errors.ratio < 1
        ? 'improved'
        : 'pass'
  const row = errorRateRow('baseline', errors, status)
  return {
    ...row,
    message:
      `errors ${errors.candidate} of ${errors.candidateRequests} (${amount('ratio', row.candidate)}), of ` +
      `the accepted runs ${errors.baseline} of ${errors.baselineRequests} ` +
      `(${amount('ratio', row.baseline)})`,
  }
}
