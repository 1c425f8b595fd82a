import {
  adjustByHolm,
  buildMeasures,
  buildRows,
  buildTestFamily,
  compareRuns,
  quantiles,
  toRules,
} from '../../baselines/compare/index.ts'
import type { Quantile, Quantiles } from '../../baselines/compare/index.ts'
import { toVerdictWord } from '../../baselines/index.ts'
import type { VerdictRow, VerdictWord } from '../../baselines/index.ts'
import type { Goal } from './goals.ts'
import type { NoiseLevel } from './machine.ts'
import type { Change, Writer } from './service.ts'
import { simulateDuet } from './simulations.ts'
import type { Duet } from './simulations.ts'
import { mergeHistograms, quantile } from '../../record/index.ts'
import type { ComparableRun } from '../../record/index.ts'
import { normalUpperTail, tUpperTail } from '../../record/statistics/index.ts'

/** A rule's decision about a duet: its verdict, and the steps that it names, worst first. */
export interface Decision {
  word: VerdictWord
  blamed: readonly string[]
}

export type Decider = (duet: Duet) => Decision

function decided(word: VerdictWord, rows: readonly VerdictRow[]): Decision {
  return { word, blamed: rows.filter((row) => row.status === 'fail').flatMap((row) => row.step ?? []) }
}

const point = (of: Quantile): Quantile => ({ ...of, window: { from: of.share - 1e-9, to: of.share + 1e-9 } })
const points: Quantiles = {
  p50Ms: point(quantiles.p50Ms),
  p95Ms: point(quantiles.p95Ms),
  p99Ms: point(quantiles.p99Ms),
}
const rules = toRules({})

/** The rule that vigil uses, and others for comparison on the same duets. */
export const deciders = {
  vigil: ({ baseline, candidate }) => {
    const verdict = compareRuns(baseline, candidate)
    return decided(verdict.verdict, verdict.rows)
  },
  'quantiles at a point': ({ baseline, candidate }) => {
    const rows = buildRows(buildTestFamily(baseline, candidate, rules, points), rules)
    return decided(toVerdictWord(rows), rows)
  },
  'plain means of pairs': ({ baseline, candidate }) => plainMeans(baseline, candidate),
  'Mann-Whitney, no margin': ({ baseline, candidate }) => mannWhitney(baseline, candidate),
  'p95 10 % worse': ({ baseline, candidate }) => ({
    word: p95Of(candidate) > 1.1 * p95Of(baseline) ? 'fail' : 'pass',
    blamed: [],
  }),
} satisfies Record<string, Decider>

function p95Of(runs: readonly ComparableRun[]): number {
  return quantile(
    mergeHistograms(runs.flatMap((run) => Object.values(run.endpoints).map(({ histogram }) => histogram))),
    0.95,
  )
}

/** The same family by paired t-tests without trimming: one burst moves them. */
function plainMeans(baseline: readonly ComparableRun[], candidate: readonly ComparableRun[]): Decision {
  const tests = differencesOf(baseline, candidate).map(({ step, values }) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const error =
      Math.sqrt(
        values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1) / values.length,
      ) || 1e-6
    return { step, mean, p: tUpperTail(mean / error, values.length - 1) }
  })
  const adjusted = adjustByHolm(tests.map(({ p }) => p))
  const failed = tests.filter(
    ({ mean }, index) => (adjusted[index] ?? 1) <= rules.alpha && mean > Math.log1p(rules.margin),
  )
  return {
    word: failed.length > 0 ? 'fail' : 'inconclusive',
    blamed: failed.flatMap(({ step }) => step ?? []),
  }
}

/** As canary analysis does it: every metric by itself, side against side, at 1 %. */
function mannWhitney(baseline: readonly ComparableRun[], candidate: readonly ComparableRun[]): Decision {
  const failed = buildMeasures(baseline, candidate, true).filter(
    ({ worse, baseline: b, candidate: c, tooFew }) => {
      if (tooFew) return false
      const wins = c.reduce(
        (sum, x) => sum + b.reduce((inner, y) => inner + (worse * (x - y) > 0 ? 1 : x === y ? 0.5 : 0), 0),
        0,
      )
      const [n, m] = [b.length, c.length]
      return normalUpperTail((wins - (n * m) / 2) / Math.sqrt((n * m * (n + m + 1)) / 12)) < 0.01
    },
  )
  return { word: failed.length > 0 ? 'fail' : 'pass', blamed: failed.flatMap(({ step }) => step ?? []) }
}

function differencesOf(
  baseline: readonly ComparableRun[],
  candidate: readonly ComparableRun[],
): { step: string | null; values: number[] }[] {
  return buildMeasures(baseline, candidate, true)
    .filter(({ tooFew, metric }) => !tooFew && metric !== 'p99Ms')
    .map(({ step, worse, baseline: b, candidate: c }) => ({
      step,
      values: b.map((value, index) => worse * ((c[index] ?? value) - value)),
    }))
}

/** A share of simulated cases with its Monte-Carlo error. */
export interface Share {
  count: number
  cases: number
}

export function share({ count, cases }: Share): number {
  return cases === 0 ? Number.NaN : count / cases
}

/** The standard error of a share; that of one case more and one less where it is 0 or 1. */
export function shareError({ count, cases }: Share): number {
  const p = (count + 0.5) / (cases + 1)
  return Math.sqrt((p * (1 - p)) / cases)
}

/** One kind of duet. */
export interface Cell {
  change: Change
  level: NoiseLevel
  seconds: number
}

/** Every decider on the same duets; seeds `first`, `first` + 1, … */
export function decideDuets(
  cell: Cell,
  deciders: Record<string, Decider>,
  cases: number,
  first: number,
  writer: Writer = 'hdr',
): Map<string, Decision[]> {
  const decisions = new Map(Object.keys(deciders).map((name) => [name, [] as Decision[]]))
  for (let i = 0; i < cases; i += 1) {
    const duet = simulateDuet({ ...cell, pairs: 24, writer }, first + i)
    for (const [name, decide] of Object.entries(deciders)) decisions.get(name)?.push(decide(duet))
  }
  return decisions
}

export function shareOf({ counted, change }: Goal, decisions: readonly Decision[]): Share {
  const pool = counted === 'named' ? decisions.filter(({ word }) => word === 'fail') : decisions
  const hits = pool.filter(({ word, blamed }) =>
    counted === 'named'
      ? blamed[0] === change.step?.name
      : counted === 'not pass'
        ? word !== 'pass'
        : word === counted,
  )
  return { count: hits.length, cases: pool.length }
}

export function reached({ bound }: Goal, measured: Share): boolean {
  return 'least' in bound ? share(measured) >= bound.least : share(measured) <= bound.most
}
