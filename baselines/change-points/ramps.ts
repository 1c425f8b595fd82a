import { findSignificantSteps } from './lasting.ts'
import type { Split } from './lasting.ts'
import { pickWider, scatterAroundLevels, scatterFromDifferences } from './robust.ts'
import type { Scatter } from './robust.ts'
import type { StepRules } from './segments.ts'

/**
 * A level that moves a little with every run of a stretch: `size` from its first run to its last, on the
 * scale of the values, with its standard error.
 */
export interface Ramp {
  from: number
  to: number
  size: number
  error: number
}

/** Steps around ramps: `adjusted` are the values without the ramps. */
export interface Decomposition {
  ramps: Ramp[]
  split: Split
  adjusted: number[]
}

/** A shorter ramp cannot be distinguished from a step. */
const leastRampRuns = 24
const mostRamps = 3
const mostRounds = 6
/**
 * Parameters that a ramp costs in addition, next to the steps found so far. Releases make steps: only a
 * staircase is likely to be a ramp. Without this, 6 % of the steps of 10 % in simulated histories became
 * ramps; with it 1 %, and 99 % of the ramps are still found.
 */
const doubts = { staircase: 2, step: 4 } as const
/** Places that a ramp may begin and end at. */
const gridPlaces = 40

/**
 * Steps, and ramps where the level drifts instead of stepping: a steady rise is not a staircase.
 *
 * The model is a level that is constant between steps, plus ramps that are continuous and flat outside of
 * their stretch, plus noise of an AR(1) process. A ramp is fitted by least squares within the segments that
 * the steps leave, over a grid of first and last runs; the steps are then searched again in what is left,
 * and both are repeated until the steps stay (backfitting: Breiman & Friedman 1985, JASA 80). A ramp is
 * believed when it explains the series better than steps alone do, by the criterion of Schwarz (1978, Ann.
 * Statist. 6; for change points Yao 1988, Stat. Probab. Lett. 6): a step costs two parameters, a ramp one,
 * and one for each end that is inside the series. The likelihood counts n (1 − ρ) / (1 + ρ) values, as many
 * independent ones as n of an AR(1) process are worth (Bayley & Hammersley 1946, J. R. Statist. Soc. Suppl.
 * 8). And its size must exceed as many of its standard errors as a step must.
 */
export function decompose(values: readonly number[], floor: number, rules: StepRules): Decomposition {
  let current: Decomposition = {
    ramps: [],
    split: findSignificantSteps(values, floor, rules),
    adjusted: [...values],
  }
  while (current.ramps.length < mostRamps) {
    const next = addRamp(current, floor, rules)
    if (next === undefined) return current
    current = next
  }
  return current
}

function addRamp(current: Decomposition, floor: number, rules: StepRules): Decomposition | undefined {
  const values = current.adjusted
  const doubt = current.split.steps.length > 1 ? doubts.staircase : doubts.step
  // From steps as they were found, or from none: those of a staircase would leave no ramp to be found.
  const found = [[], current.split.steps.map(({ at }) => at)]
    .map((steps) => fitAround(steps, values, floor, rules))
    .filter((fit) => fit !== undefined)
  const fits = found.filter(({ ramp, fitted, split }) => {
    const scatter = pickWider(split.scatter, scatterOf(fitted, split))
    const plain = criterion(values, current.split, 0, scatter)
    return (
      Math.abs(ramp.size) > rules.threshold * ramp.error &&
      rules.matters(0, ramp.size) &&
      criterion(fitted, split, costOf(ramp, values.length) + doubt, scatter) < plain
    )
  })
  const best = fits.reduce<Fit | undefined>(
    (a, b) => (a === undefined || costlier(a, b, values.length) ? b : a),
    undefined,
  )
  return best && { ramps: [...current.ramps, best.ramp], split: best.split, adjusted: best.fitted }
}

interface Fit {
  ramp: Ramp
  split: Split
  /** The values without the ramp. */
  fitted: number[]
}

function costlier(a: Fit, b: Fit, n: number): boolean {
  const scatter = pickWider(a.split.scatter, b.split.scatter)
  return (
    criterion(a.fitted, a.split, costOf(a.ramp, n), scatter) >
    criterion(b.fitted, b.split, costOf(b.ramp, n), scatter)
  )
}

function fitAround(
  start: readonly number[],
  values: readonly number[],
  floor: number,
  rules: StepRules,
): Fit | undefined {
  let steps = [...start]
  let fit: Fit | undefined
  for (let round = 0; round < mostRounds; round += 1) {
    const line = fitRamp(values, steps)
    if (line === undefined) return fit
    const fitted = values.map((value, index) => value - line.slope * heightAt(line, index))
    const split = findSignificantSteps(fitted, floor, rules)
    const { deviation, correlation } = pickWider(split.scatter, scatterOf(fitted, split))
    const longRun = deviation * Math.sqrt((1 + correlation) / (1 - correlation))
    const length = line.to - line.from
    const ramp = {
      from: line.from,
      to: line.to,
      size: line.slope * length,
      error: (longRun / Math.sqrt(line.spread)) * length,
    }
    fit = { ramp, split, fitted }
    const next = split.steps.map(({ at }) => at)
    if (next.join() === steps.join()) return fit
    steps = next
  }
  return fit
}

function scatterOf(values: readonly number[], { steps }: Split): Scatter {
  const bounds = steps.map(({ at }) => at)
  return pickWider(scatterFromDifferences(values), scatterAroundLevels(values, bounds))
}

function costOf({ from, to }: Pick<Ramp, 'from' | 'to'>, n: number): number {
  return 1 + (from > 0 ? 1 : 0) + (to < n - 1 ? 1 : 0)
}

/** The criterion of Schwarz for steps with levels between them, and `more` parameters. Less is better. */
function criterion(
  values: readonly number[],
  { steps }: Split,
  more: number,
  { correlation }: Scatter,
): number {
  const n = values.length
  const bounds = [0, ...steps.map(({ at }) => at), n]
  let squares = 0
  for (let index = 1; index < bounds.length; index += 1) {
    const stretch = values.slice(bounds[index - 1], bounds[index])
    const mean = stretch.reduce((sum, value) => sum + value, 0) / stretch.length
    for (const value of stretch) squares += (value - mean) ** 2
  }
  const independent = (n * (1 - correlation)) / (1 + correlation)
  return independent * Math.log(squares / n + Number.EPSILON) + (2 * steps.length + more) * Math.log(n)
}

interface Line {
  from: number
  to: number
  slope: number
  /** Sum of squares of the ramp around its means between the steps. */
  spread: number
}

/** What a ramp adds to the level of a run. */
export function addedBy(ramp: Ramp, index: number): number {
  return (ramp.size / (ramp.to - ramp.from)) * heightAt(ramp, index)
}

/** How far along its ramp a run is, in runs. */
function heightAt({ from, to }: Pick<Ramp, 'from' | 'to'>, index: number): number {
  return Math.min(Math.max(index, from), to) - from
}

/** The ramp that explains most of the values around their levels between steps; each end has its price. */
function fitRamp(values: readonly number[], steps: readonly number[]): Line | undefined {
  const n = values.length
  const last = n - 1
  if (last < leastRampRuns) return undefined
  const sums = weightedSums(values)
  const bounds = [0, ...steps, n]
  const stride = Math.max(1, Math.floor(n / gridPlaces))
  const total = varianceAround(values, bounds)
  let best: (Line & { score: number }) | undefined
  for (let from = 0; from <= last - leastRampRuns; from += stride) {
    for (let end = last; end >= from + leastRampRuns; end -= stride) {
      const line = fitLine(from, end, bounds, sums)
      if (line === undefined) continue
      const left = Math.max(0, total - line.slope ** 2 * line.spread)
      const score = n * Math.log(left / n + Number.EPSILON) + costOf(line, n) * Math.log(n)
      if (best === undefined || score < best.score) best = { ...line, score }
    }
  }
  return best
}

interface WeightedSums {
  plain: Float64Array
  byIndex: Float64Array
}

function weightedSums(values: readonly number[]): WeightedSums {
  const plain = new Float64Array(values.length + 1)
  const byIndex = new Float64Array(values.length + 1)
  for (const [index, value] of values.entries()) {
    plain[index + 1] = (plain[index] ?? 0) + value
    byIndex[index + 1] = (byIndex[index] ?? 0) + index * value
  }
  return { plain, byIndex }
}

function varianceAround(values: readonly number[], bounds: readonly number[]): number {
  return bounds.slice(1).reduce((sum, to, index) => {
    const stretch = values.slice(bounds[index], to)
    const mean = stretch.reduce((total, value) => total + value, 0) / stretch.length
    return sum + stretch.reduce((total, value) => total + (value - mean) ** 2, 0)
  }, 0)
}

/** Least squares of one ramp, with a level of its own in each segment: sums of three stretches in each. */
function fitLine(
  from: number,
  to: number,
  bounds: readonly number[],
  { plain, byIndex }: WeightedSums,
): Line | undefined {
  let [spread, product] = [0, 0]
  for (let segment = 1; segment < bounds.length; segment += 1) {
    const [a, b] = [bounds[segment - 1] ?? 0, bounds[segment] ?? 0]
    const [midA, midB] = [Math.min(b, Math.max(a, from)), Math.max(a, Math.min(b, to))]
    const runs = Math.max(0, midB - midA)
    const [first, end] = [midA - from, midA - from + runs - 1]
    const height = to - from
    const after = Math.max(0, b - Math.max(a, to))
    const heights = (runs * (first + end)) / 2 + after * height
    const squares = sumOfSquares(end) - sumOfSquares(first - 1) + after * height ** 2
    const weighted =
      (runs > 0 ? between(byIndex, midA, midB) - from * between(plain, midA, midB) : 0) +
      (after > 0 ? height * between(plain, b - after, b) : 0)
    spread += (runs > 0 || after > 0 ? squares : 0) - heights ** 2 / (b - a)
    product += weighted - (heights * between(plain, a, b)) / (b - a)
  }
  return spread > 1e-9 ? { from, to, slope: product / spread, spread } : undefined
}

function between(sums: Float64Array, from: number, to: number): number {
  return (sums[to] ?? 0) - (sums[from] ?? 0)
}

/** 1² + 2² + … + n². */
function sumOfSquares(n: number): number {
  return (n * (n + 1) * (2 * n + 1)) / 6
}
