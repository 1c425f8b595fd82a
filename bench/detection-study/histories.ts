import { examineHistory, findChangePoints } from '../../baselines/change-points/index.ts'
import type { ChangePoint } from '../../baselines/change-points/index.ts'
import { simulateSeries } from './simulations.ts'
import type { SeriesPlan } from './simulations.ts'

/** How well changes in histories are found. */
export interface HistoryScore {
  series: number
  /** True points reported, points reported, and actual changes, over all metrics. */
  hits: number
  reported: number
  changes: number
  /** Changes that some metric found, and how many there were. */
  eventsFound: number
  events: number
  /** Mean distance of a hit from its change, in runs. */
  distance: number
  /** Points reported in series without a change, and how many such series there were. */
  falsePoints: number
  clean: number
}

/** A point this near to a change is that change. */
const near = 5
/** Runs after a change, some of which may be missing. */
const leastLevel = 8
const latencies = ['p50Ms', 'p95Ms', 'meanMs'] as const

/** Series of 60 to 180 runs, half of them clean, the others with one or two steps of `factor`, up or down. */
export function scoreHistory(factor: number, series: number, first: number): HistoryScore {
  const score: HistoryScore = {
    series,
    hits: 0,
    reported: 0,
    changes: 0,
    eventsFound: 0,
    events: 0,
    distance: 0,
    falsePoints: 0,
    clean: 0,
  }
  for (let i = 0; i < series; i += 1) {
    const plan = planOf(i, i % 2 === 0 ? undefined : factor)
    const found = findChangePoints(simulateSeries(plan, first + i))
    if (plan.steps.length === 0) {
      score.clean += 1
      score.falsePoints += found.length
    } else addTo(score, plan, found)
  }
  return { ...score, distance: score.hits === 0 ? Number.NaN : score.distance / score.hits }
}

/** How well drifts are distinguished from steps. */
export interface DriftScore {
  series: number
  /** Series with a drift, and with a point, in the median. */
  drifts: number
  points: number
}

/** Series of 60 to 180 runs of one median, with what `change` gives them, and no other change. */
export function scoreDrifts(
  change: (runs: number) => Partial<SeriesPlan>,
  series: number,
  first: number,
): DriftScore {
  const score = { series, drifts: 0, points: 0 }
  for (let i = 0; i < series; i += 1) {
    const plan = planOf(i, undefined)
    const runs = simulateSeries({ ...plan, ...change(plan.runs) }, first + i)
    const { drifts, changes } = examineHistory(runs, { metrics: ['p50Ms'] })
    score.drifts += drifts.length > 0 ? 1 : 0
    score.points += changes.length
  }
  return score
}

function planOf(i: number, factor: number | undefined): SeriesPlan {
  const runs = 60 + 30 * (i % 5)
  const noise = [0.015, 0.02, 0.03][i % 3] ?? 0.02
  const correlation = [0, 0.3, 0.6][(i >> 1) % 3] ?? 0
  const first = { at: 15 + (i % 20), factor: factor === undefined ? 1 : i % 4 === 1 ? factor : 1 / factor }
  const second = { at: first.at + 20 + (i % 11), factor: first.factor }
  // A level of fewer runs than one needs is none yet: it is found a week later.
  const steps = [first, ...(i % 3 === 0 ? [second] : [])].filter(({ at }) => at + leastLevel <= runs)
  return { runs, noise, correlation, spikes: 0.03, gaps: 0.03, steps: factor === undefined ? [] : steps }
}

function addTo(score: HistoryScore, { steps }: SeriesPlan, found: readonly ChangePoint[]): void {
  for (const metric of latencies) {
    const points = found.filter((change) => change.metric === metric)
    for (const { at } of steps) {
      const distances = points.map(({ index }) => Math.abs(index - at)).filter((distance) => distance <= near)
      score.changes += 1
      if (distances.length === 0) continue
      score.hits += 1
      score.distance += Math.min(...distances)
    }
  }
  score.events += steps.length
  score.eventsFound += steps.filter(({ at }) =>
    found.some(({ index }) => Math.abs(index - at) <= near),
  ).length
  score.reported += found.length
}
