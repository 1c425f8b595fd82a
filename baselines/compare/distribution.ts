import type { Histogram } from '../../record/index.ts'

/**
 * Latencies as points of a distribution: the natural logarithms of the bounds, rising, with the weight of the samples there.
 * `samples` is how many requests it rests on, whatever they weigh.
 */
export interface Distribution {
  logMs: Float64Array
  weight: Float64Array
  total: number
  samples: number
}

/** A latency under this, 0 included, counts as this: records are no finer, and 0 has no logarithm. */
const leastMs = 0.001

const leastLog = Math.log(leastMs)

/** The distributions of several histograms, in two arrays for all of them: a comparison makes hundreds, and each array costs. */
export function distributionsOf(histograms: readonly Histogram[]): Distribution[] {
  const length = histograms.reduce((sum, histogram) => sum + histogram.length, 0)
  const [logs, weights] = [new Float64Array(length), new Float64Array(length)]
  let at = 0
  return histograms.map((histogram) => {
    const from = at
    let samples = 0
    for (const bucket of histogram) {
      const count = bucket[1]
      if (count === 0) continue
      logs[at] = Math.log(Math.max(bucket[0], leastMs))
      weights[at] = count
      at += 1
      samples += count
    }
    return { logMs: logs.subarray(from, at), weight: weights.subarray(from, at), total: samples, samples }
  })
}

/** A distribution and the factor that its weights are to be multiplied by. */
export interface Layer {
  distribution: Distribution
  factor: number
}

/** Lays distributions on top of each other. What it returns lives in the mixer's memory, until it is next used. */
export type Mixer = (layers: readonly Layer[]) => Distribution

/** Values closer than this share of themselves may change places, which moves no quantile by more. */
const keysPerLog = 1e7

/**
 * A mixer for layers of up to `most` points in all. Most of a comparison's time goes here, so its memory is used again, and
 * the engine sorts plain numbers, ten times as fast as it would call a comparator: a key holds the rounded value and, below
 * it, the place that the value came from.
 */
export function mixerFor(most: number): Mixer {
  const memory = { logs: new Float64Array(most), weights: new Float64Array(most), keys: new Float64Array(most), logMs: new Float64Array(most), weight: new Float64Array(most) }
  return (layers) => {
    const length = layers.reduce((sum, { distribution }) => sum + distribution.logMs.length, 0)
    const { logs, weights } = memory
    const [keys, logMs, weight] = [memory.keys.subarray(0, length), memory.logMs.subarray(0, length), memory.weight.subarray(0, length)]
    let [at, total, samples] = [0, 0, 0]
    for (const { distribution, factor } of layers) {
      for (let i = 0; i < distribution.logMs.length; i += 1, at += 1) {
        const log = distribution.logMs[i] ?? 0
        logs[at] = log
        weights[at] = (distribution.weight[i] ?? 0) * factor
        keys[at] = Math.round((log - leastLog) * keysPerLog) * length + at
      }
      total += distribution.total * factor
      samples += distribution.samples
    }
    // oxlint-disable-next-line unicorn/no-array-sort -- in its own memory on purpose: a copy would be the cost that is saved here
    keys.sort()
    for (let i = 0; i < length; i += 1) {
      const key = keys[i] ?? 0
      const from = key - Math.floor(key / length) * length
      logMs[i] = logs[from] ?? 0
      weight[i] = weights[from] ?? 0
    }
    return { logMs, weight, total, samples }
  }
}

/** Between which shares of the requests a quantile is averaged. */
export interface Window {
  from: number
  to: number
}

/**
 * The logarithm of a latency quantile, averaged over a window of shares around it. Buckets are points at the middle of
 * their ranks and what lies between two is interpolated on the log scale: the mid-distribution quantile, which is smooth
 * where values are tied or buckets coarse (Ma, Genton & Parzen 2011, Ann. Inst. Statist. Math. 63), and scales with the
 * latencies exactly. Averaging over neighbouring ranks is an L-estimator, with less sampling error than one order
 * statistic (Harrell & Davis 1982, Biometrika 69). NaN for an empty distribution.
 */
export function logQuantile({ logMs, weight, total }: Distribution, { from, to }: Window): number {
  const last = logMs.length - 1
  if (last < 0) return Number.NaN
  const [low, high] = [from * total, to * total]
  let area = 0
  let position = low
  let [previousRank, previousLog] = [Number.NEGATIVE_INFINITY, logMs[0] ?? 0]
  let seen = 0
  for (let i = 0; i <= last && position < high; i += 1) {
    const here = logMs[i] ?? 0
    const rank = seen + (weight[i] ?? 0) / 2
    seen += weight[i] ?? 0
    if (rank > position) {
      const end = Math.min(rank, high)
      area += (end - position) * (heightAt(position, previousRank, previousLog, rank, here) + heightAt(end, previousRank, previousLog, rank, here)) * 0.5
      position = end
    }
    previousRank = rank
    previousLog = here
  }
  if (position < high) area += (high - position) * (logMs[last] ?? 0)
  return area / (high - low)
}

function heightAt(at: number, rankA: number, logA: number, rankB: number, logB: number): number {
  return rankA === Number.NEGATIVE_INFINITY ? logB : logA + ((logB - logA) * (at - rankA)) / (rankB - rankA)
}
