import { varianceInflation } from '../../record/statistics/index.ts'
import type { Scatter } from './robust.ts'

/** A step between two levels: the first index after it, its size, and how many standard errors that is. */
export interface Step {
  at: number
  size: number
  z: number
}

export interface StepRules {
  /** Standard errors that a step must exceed. */
  threshold: number
  /** Whether a step of this size, between these levels, is reported. */
  matters: (before: number, after: number) => boolean
  /** Fewest runs on either side of a step. */
  leastRuns: number
}

/** Sums from the start, so that the mean of any stretch takes two reads. */
type Sums = Float64Array

/**
 * Steps in the level of a series: narrowest over threshold (Baranowski, Chen & Fryzlewicz 2019, J. R.
 * Statist. Soc. B 81) on seeded intervals (Kovács, Bühlmann, Li & Munk 2023, Biometrika 110). The narrowest
 * interval that shows a step holds no other, so it places it best. Each is then tested again, and placed
 * again, between its neighbours, until all that are left hold.
 */
export function findSteps(values: readonly number[], scatter: Scatter, rules: StepRules): Step[] {
  const sums = cumulativeSums(values)
  const found: number[] = []
  const intervals = seededIntervals(values.length, 2 * rules.leastRuns)
  search(0, values.length, intervals)
  return retestSteps(
    found.toSorted((a, b) => a - b),
    values,
    scatter,
    rules,
  )

  function search(from: number, to: number, candidates: readonly Interval[]): void {
    const inside = candidates.filter((interval) => interval.from >= from && interval.to <= to)
    const step = findNarrowestStep([...inside, { from, to }], sums, scatter, rules)
    if (!step) return
    found.push(step.at)
    search(from, step.at, inside)
    search(step.at, to, inside)
  }
}

interface Interval {
  from: number
  to: number
}

/** Intervals of falling length, each half covered by the next: n log n in all, the shortest first. */
function seededIntervals(length: number, least: number): Interval[] {
  const intervals: Interval[] = []
  const decay = Math.SQRT1_2
  for (let size = length; size >= least; size *= decay) {
    const width = Math.ceil(size)
    const count = Math.max(1, 2 * Math.ceil(length / size) - 1)
    for (let i = 0; i < count; i += 1) {
      const from = count === 1 ? 0 : Math.round((i * (length - width)) / (count - 1))
      intervals.push({ from, to: from + width })
    }
  }
  return intervals.toSorted((a, b) => a.to - a.from - (b.to - b.from))
}

function findNarrowestStep(
  intervals: readonly Interval[],
  sums: Sums,
  scatter: Scatter,
  rules: StepRules,
): Step | undefined {
  let best: Step | undefined
  let width = Number.POSITIVE_INFINITY
  for (const { from, to } of intervals) {
    if (to - from > width) break
    const step = findLargestStep(from, to, sums, scatter, rules)
    if (step && isStep(step, from, to, sums, rules) && (!best || Math.abs(step.z) > Math.abs(best.z))) {
      best = step
      width = to - from
    }
  }
  return best
}

function isStep(
  step: Step,
  from: number,
  to: number,
  sums: Sums,
  { threshold, matters }: StepRules,
): boolean {
  return (
    Math.abs(step.z) > threshold && matters(meanBetween(sums, from, step.at), meanBetween(sums, step.at, to))
  )
}

/** The place in [from, to) where the levels on both sides differ by the most standard errors. */
function findLargestStep(
  from: number,
  to: number,
  sums: Sums,
  scatter: Scatter,
  { leastRuns }: StepRules,
): Step | undefined {
  let best: Step | undefined
  for (let at = from + leastRuns; at <= to - leastRuns; at += 1) {
    const size = meanBetween(sums, at, to) - meanBetween(sums, from, at)
    const z = size / standardErrorOfStep(at - from, to - at, scatter)
    if (!best || Math.abs(z) > Math.abs(best.z)) best = { at, size, z }
  }
  return best
}

/** The standard error of the difference of the means of two stretches of an AR(1) series. */
function standardErrorOfStep(before: number, after: number, scatter: Scatter): number {
  return Math.sqrt(varianceOfMean(before, scatter) + varianceOfMean(after, scatter))
}

// Exact for n values of an AR(1) process (Anderson 1971, §8.2).
function varianceOfMean(n: number, { deviation, correlation: r }: Scatter): number {
  if (r === 0) return deviation ** 2 / n
  return (deviation ** 2 / n) * (varianceInflation(r) - (2 * r * (1 - r ** n)) / (n * (1 - r) ** 2))
}

/**
 * Steps, rising, each tested and placed again between its neighbours; the weakest that does not hold goes,
 * until all hold.
 */
export function retestSteps(
  found: readonly number[],
  values: readonly number[],
  scatter: Scatter,
  rules: StepRules,
): Step[] {
  const sums = cumulativeSums(values)
  let places = [...found]
  for (;;) {
    const bounds = [0, ...places, values.length]
    const tested = places.map((at, index) => {
      const [from, to] = [bounds[index] ?? 0, bounds[index + 2] ?? values.length]
      const step = findLargestStep(from, to, sums, scatter, rules) ?? { at, size: 0, z: 0 }
      return { step, holds: isStep(step, from, to, sums, rules) }
    })
    const weak = tested.filter(({ holds }) => !holds)
    if (weak.length === 0) return tested.map(({ step }) => step).toSorted((a, b) => a.at - b.at)
    const weakest = weak.reduce((a, b) => (Math.abs(a.step.z) <= Math.abs(b.step.z) ? a : b))
    places = places.filter((_, index) => tested[index] !== weakest)
  }
}

function cumulativeSums(values: readonly number[]): Sums {
  const sums = new Float64Array(values.length + 1)
  for (const [index, value] of values.entries()) sums[index + 1] = (sums[index] ?? 0) + value
  return sums
}

function meanBetween(sums: Sums, from: number, to: number): number {
  return ((sums[to] ?? 0) - (sums[from] ?? 0)) / (to - from)
}
