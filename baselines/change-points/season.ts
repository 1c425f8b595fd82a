/** A value and its place in the series, in which runs may be missing. */
export interface Point {
  index: number
  value: number
}

/** By phase, with mean 0: what a value is above or below the level because of when it was measured. */
export interface Season {
  period: number
  profile: number[]
}

const leastPeriod = 3
/** With fewer repetitions, any two halves of a series resemble each other. */
const leastCycles = 4
/** Share of the variation that the other cycles must predict. */
const leastPredicted = 0.25
/** A multiple of the period predicts as well as the period. */
const alike = 0.05

/**
 * What repeats in a series, such as the days of a week; undefined where nothing does. It is no change.
 *
 * For each period, the level is taken away as the mean of the cycle around each value, and each value is
 * then predicted from the values of the same phase in the other cycles (leave-one-out cross-validation:
 * Stone 1974, J. R. Statist. Soc. B 36). Noise, a step and a drift are not predicted by other cycles: their
 * share is about −1 / (cycles − 1). The shortest period that predicts almost as well as the best is taken.
 *
 * @param leastSpread between the highest and the lowest phase; less is what a value is read to, not a season:
 *   without one error, the scale of rates still follows the number of requests
 */
export function findSeason(points: readonly Point[], leastSpread = 0): Season | undefined {
  const first = points[0]?.index ?? 0
  const length = (points.at(-1)?.index ?? 0) - first + 1
  const found: (Season & { predicted: number })[] = []
  for (let period = leastPeriod; period * leastCycles <= length; period += 1) {
    const left = withoutLevel(points, period)
    const phases = Array.from({ length: period }, () => ({ sum: 0, squares: 0, count: 0 }))
    for (const { index, value } of left) {
      const phase = phases[(index - first) % period]
      if (phase === undefined) continue
      phase.sum += value
      phase.squares += value ** 2
      phase.count += 1
    }
    if (phases.some(({ count }) => count < leastCycles - 1)) continue
    const predicted = predictedShare(phases)
    const profile = centre(phases.map(({ sum, count }) => sum / count))
    if (predicted >= leastPredicted && Math.max(...profile) - Math.min(...profile) >= leastSpread)
      found.push({ period, predicted, profile })
  }
  const best = Math.max(...found.map(({ predicted }) => predicted))
  return found.find(({ predicted }) => predicted >= best - alike)
}

/** What a season adds to the value at a place; 0 where there is none. */
export function seasonAt(season: Season | undefined, index: number, first: number): number {
  return season?.profile[(index - first) % season.period] ?? 0
}

/**
 * Values less the mean of the cycle around them; of an even period, of the two cycles around them, so that a
 * slope leaves nothing. Those at the ends have no such cycle, and are left out.
 */
function withoutLevel(points: readonly Point[], period: number): Point[] {
  const sums = new Float64Array(points.length + 1)
  for (const [at, { value }] of points.entries()) sums[at + 1] = (sums[at] ?? 0) + value
  const mean = (from: number): number => ((sums[from + period] ?? 0) - (sums[from] ?? 0)) / period
  const half = Math.floor(period / 2)
  const next = period % 2 === 0 ? 1 : 0
  return points.slice(half, points.length - half).map(({ index, value }, place) => ({
    index,
    value: value - (mean(place) + mean(place + next)) / 2,
  }))
}

/** 1 − Σ (value − mean of the others of its phase)² / Σ value². */
function predictedShare(phases: readonly { sum: number; squares: number; count: number }[]): number {
  let [missed, all] = [0, 0]
  for (const { sum, squares, count } of phases) {
    // value − (sum − value) / (count − 1) = (value − mean) · count / (count − 1)
    missed += (squares - sum ** 2 / count) * (count / (count - 1)) ** 2
    all += squares
  }
  return all > 0 ? 1 - missed / all : 0
}

function centre(profile: readonly number[]): number[] {
  const mean = profile.reduce((sum, value) => sum + value, 0) / profile.length
  return profile.map((value) => value - mean)
}
