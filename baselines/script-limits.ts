import { amount } from './wording.ts'
import { certaintyAlpha, isCertainlyAbove, ruleOfThree, samplesBeyond } from './samples.ts'
import type { VerdictRow } from './verdict.ts'
import { isScriptStat, percentOf, readStat, statsByType } from '../record/index.ts'
import type { Run, ScriptMetric, ScriptStat } from '../record/index.ts'

/** Limits on what a user script counts itself. */
export interface ScriptLimits {
  /** By metric, in the syntax of k6's thresholds: `p(95) < 300`. All must hold. */
  metrics?: Record<string, string[]>
  /** By check: the share that must pass at least. */
  checks?: Record<string, number>
}

/** By operator, whether a value is within a limit. */
const operators = {
  '<': (actual: number, limit: number) => actual < limit,
  '<=': (actual: number, limit: number) => actual <= limit,
  '>': (actual: number, limit: number) => actual > limit,
  '>=': (actual: number, limit: number) => actual >= limit,
} as const

interface Limit {
  stat: ScriptStat
  operator: keyof typeof operators
  value: number
}

/** Reads a limit as k6's thresholds write it; undefined for what is none. */
export function parseScriptLimit(text: string): Limit | undefined {
  const [, stat = '', operator = '', value] =
    /^\s*([a-z]+(?:\([\d.]+\))?)\s*(<=?|>=?)\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*$/i.exec(text) ?? []
  if (!isScriptStat(stat) || !isOperator(operator)) return undefined
  return { stat, operator, value: Number(value) }
}

function isOperator(text: string): text is keyof typeof operators {
  return Object.hasOwn(operators, text)
}

/** The rows of the limits on metrics and checks of a user script. */
export function judgeScriptLimits(run: Run, { metrics = {}, checks = {} }: ScriptLimits): VerdictRow[] {
  return [
    ...Object.entries(metrics).flatMap(([name, limits]) =>
      limits.map((limit) => judgeMetric(run, name, limit)),
    ),
    ...Object.entries(checks).map(([name, limit]) => judgeCheck(run, name, limit)),
  ]
}

type Finding = Pick<VerdictRow, 'status' | 'message'> & Partial<VerdictRow>

function toRow(run: Run, metric: string, finding: Finding): VerdictRow {
  return {
    rule: 'budget',
    suite: run.suite,
    step: null,
    metric,
    ...(finding.status === 'fail' && { code: 'script-limit' }),
    ...finding,
  }
}

function judgeMetric(run: Run, name: string, text: string): VerdictRow {
  const limit = parseScriptLimit(text)
  const metric = run.scriptMetrics?.[name]
  if (limit === undefined || metric === undefined || metric.samples === 0)
    return missing(run, `metric ${name}`, name, Object.keys(run.scriptMetrics ?? {}))
  const actual = readStat(metric, limit.stat)
  const rule = `${name} ${limit.stat}`
  if (actual === undefined)
    return toRow(run, name, {
      status: 'invalid',
      code: 'script-metric-missing',
      message: `${rule} has a budget, but a ${metric.type} has ${statsByType[metric.type].join(', ')} only`,
    })
  const message =
    `${rule} ${formatValue(metric, limit.stat, actual)}, ` +
    `budget ${limit.operator} ${formatValue(metric, limit.stat, limit.value)}`
  const needed = neededSamples(metric, limit)
  const common = { actual, limit: limit.value }
  if (needed !== undefined && metric.samples < needed)
    return toRow(run, rule, {
      ...common,
      status: 'inconclusive',
      needed,
      code: 'too-few-samples',
      message: `${message}: ${metric.samples} samples, ${needed} are needed to judge it; load longer`,
    })
  return toRow(run, rule, {
    ...common,
    status: operators[limit.operator](actual, limit.value) ? 'pass' : 'fail',
    message,
  })
}

function neededSamples({ type }: ScriptMetric, { stat }: Limit): number | undefined {
  const percent = type === 'trend' ? percentOf(stat) : undefined
  if (percent === undefined) return undefined
  const beyond = Math.min(percent, 100 - percent) / 100
  return beyond === 0 ? undefined : Math.ceil(samplesBeyond / beyond - 1e-9)
}

function formatValue({ type, unit }: ScriptMetric, stat: ScriptStat, value: number): string {
  if (type === 'rate') return amount('ratio', value)
  const isCount = stat === 'count' && type === 'trend'
  if (unit === undefined || isCount || stat === 'rate') return String(Number(value.toPrecision(5)))
  return amount(unit, value)
}

function judgeCheck(run: Run, name: string, limit: number): VerdictRow {
  const label = `check ${name}`
  const found = run.checks?.[name]
  const all = found === undefined ? 0 : found.passes + found.fails
  if (found === undefined || all === 0) return missing(run, label, label, Object.keys(run.checks ?? {}))
  const actual = found.passes / all
  const message =
    `check "${name}" passed ${amount('ratio', actual, limit)} (${found.passes} of ${all}), ` +
    `budget ≥ ${amount('ratio', limit)}`
  const common = { actual, limit }
  const needed = limit === 1 ? 1 : Math.ceil(ruleOfThree / (1 - limit) - 1e-9)
  if (all >= needed || isCertainlyAbove(found.fails, all, 1 - limit, certaintyAlpha))
    return toRow(run, label, { ...common, status: actual >= limit ? 'pass' : 'fail', message })
  return toRow(run, label, {
    ...common,
    status: 'inconclusive',
    needed,
    code: 'too-few-samples',
    message: `${message}: ${needed} are needed to judge it; load longer`,
  })
}

function missing(run: Run, what: string, metric: string, known: readonly string[]): VerdictRow {
  const names = known.length === 0 ? 'none' : known.slice(0, 12).join(', ')
  return toRow(run, metric, {
    status: 'invalid',
    code: 'script-metric-missing',
    message: `${what} has a budget but the script never counted it (in this run: ${names})`,
  })
}

/** The record with the direction in which each metric is better, where only the budgets say so. */
export function withDirections(run: Run, { metrics = {} }: ScriptLimits): Run {
  if (run.scriptMetrics === undefined) return run
  const entries = Object.entries(run.scriptMetrics).map(([name, metric]): [string, ScriptMetric] => {
    const directions = new Set(
      (metrics[name] ?? []).map((text) => parseScriptLimit(text)?.operator.charAt(0)),
    )
    const [direction] = directions
    if (metric.better !== undefined || directions.size !== 1 || direction === undefined) return [name, metric]
    return [name, { ...metric, better: direction === '<' ? 'lower' : 'higher' }]
  })
  return { ...run, scriptMetrics: Object.fromEntries(entries) }
}
