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
import type { NoiseLevel } from './machine.ts'
import type { Change, Writer } from './service.ts'
import { simulateDuet } from './simulations.ts'
import type { Duet } from './simulations.ts'
import { mergeHistograms, quantile } from '../../record/index.ts'
import type { ComparableRun } from '../../record/index.ts'
import { normalUpperTail, tUpperTail } from '../../record/statistics/index.ts'
import { steps } from './service.ts'

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

/** A goal of DETECTION: on duets of this kind, the share of this verdict. */
export interface Goal {
  name: string
  change: Change
  levels: readonly NoiseLevel[]
  seconds: number
  /** How the share is counted; `named`: of the fails, those that blame the step that changed first. */
  counted: VerdictWord | 'not pass' | 'named'
  /** The goal: at least or at most this share. */
  bound: { least: number } | { most: number }
}

const notNoisy: readonly NoiseLevel[] = ['quiet', 'normal', 'drifty']
const every: readonly NoiseLevel[] = [...notNoisy, 'noisy']
const smallStep = { name: steps[5], factor: 1.2 }
/** Twice as much of the slow steps, less of the others. */
const shifted = [0.24, 0.2, 0.15, 0.13, 0.16, 0.12]

/** Lengths of a duet's units, in seconds. */
const short = 2.5
const long = 5
const tenPercent = { all: 1.1 }

export const goals: readonly Goal[] = [
  ...every.map((level) => goal('nothing changed', {}, [level], short, 'fail', { most: 0.01 })),
  goal('nothing changed', {}, ['quiet'], short, 'inconclusive', { most: 0.4 }),
  goal('nothing changed', {}, ['normal'], short, 'inconclusive', { most: 0.6 }),
  goal('nothing changed', {}, ['drifty'], short, 'inconclusive', { most: 0.55 }),
  goal('+10 % everywhere', tenPercent, ['quiet'], short, 'fail', { least: 0.95 }),
  goal('+10 % everywhere', tenPercent, ['normal'], short, 'fail', { least: 0.95 }),
  goal('+10 % everywhere', tenPercent, ['drifty'], short, 'fail', { least: 0.9 }),
  goal('+10 % everywhere', tenPercent, ['noisy'], short, 'pass', { most: 0.02 }),
  goal('+10 % everywhere', tenPercent, notNoisy, short, 'pass', { most: 0.01 }),
  goal('+20 % everywhere', { all: 1.2 }, notNoisy, short, 'fail', { least: 0.98 }),
  goal('+5 % everywhere', { all: 1.05 }, every, short, 'pass', { most: 0.05 }),
  goal('+20 % on one step of 5 %', { step: smallStep }, notNoisy, long, 'fail', { least: 0.9 }),
  goal('+20 % on one step of 5 %', { step: smallStep }, notNoisy, long, 'named', { least: 0.95 }),
  goal('errors .05 → .3 %', { errorRate: 0.003 }, every, long, 'fail', { least: 0.95 }),
  goal('throughput −10 %', { throughput: 0.9 }, every, long, 'fail', { least: 0.9 }),
  goal('mix shifted, nothing slower', { shares: shifted }, every, short, 'fail', { most: 0.05 }),
  goal('+2 % everywhere', { all: 1.02 }, every, short, 'fail', { most: 0.15 }),
]

function goal(
  name: string,
  change: Change,
  levels: readonly NoiseLevel[],
  seconds: number,
  counted: Goal['counted'],
  bound: Goal['bound'],
): Goal {
  return { name, change, levels, seconds, counted, bound }
}
