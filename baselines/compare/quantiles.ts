import type { Histogram } from '../../record/index.ts'

export type QuantileName = 'p50Ms' | 'p95Ms' | 'p99Ms'

/** A quantile as a comparison measures it. */
export interface Quantile {
  name: QuantileName
  label: string
  share: number
  window: Window
}

export type Quantiles = Record<QuantileName, Quantile>

/**
 * Each quantile is averaged over its neighbourhood, so that it means the same with less noise: the middle two
 * fifths of the requests for the median, a few per cent in the tail (bench/detection-study shows what it
 * brings).
 */
export const quantiles: Quantiles = {
  p50Ms: { name: 'p50Ms', label: 'p50', share: 0.5, window: { from: 0.3, to: 0.7 } },
  p95Ms: { name: 'p95Ms', label: 'p95', share: 0.95, window: { from: 0.93, to: 0.97 } },
  p99Ms: { name: 'p99Ms', label: 'p99', share: 0.99, window: { from: 0.985, to: 0.995 } },
}

/** A block must hold three requests beyond a quantile for it to be one. */
const requestsBeyond = 3

/** How many answered requests a block needs for this quantile. */
export function minRequestsFor({ share }: Quantile): number {
  return Math.ceil(requestsBeyond / (1 - share) - 1e-9)
}

/**
 * Latencies as points of a distribution: the natural logarithms of the bounds, rising, with the weight of the
 * samples there. `samples` is how many requests it rests on, whatever they weigh.
 */
export interface Distribution {
  logMs: Float64Array
  weight: Float64Array
  total: number
  samples: number
}

/** A latency under this, 0 included, counts as this: records are no finer, and 0 has no logarithm. */
const leastMs = 0.001

/**
 * The distributions of several histograms, in two arrays for all of them: a comparison makes hundreds, and
 * each array costs.
 */
export function toDistributions(histograms: readonly Histogram[]): Distribution[] {
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

/**
 * Lays distributions on top of each other. What it returns lives in the mixer's memory, until it is next
 * used.
 */
export type Mixer = (layers: readonly Layer[]) => Distribution

/**
 * A mixer for layers of up to `most` points in all. Most of a comparison's own time goes here, so its memory
 * is used again, and layers, which are in order already, are merged two by two: a third of what sorting all
 * their points would take.
 */
export function mixerFor(most: number): Mixer {
  const room = (): Points => ({ logMs: new Float64Array(most), weight: new Float64Array(most) })
  const rooms: [Points, Points] = [room(), room()]
  return (layers) => {
    let [at, total, samples] = [0, 0, 0]
    let [from, to] = rooms
    let bounds = [0]
    for (const { distribution, factor } of layers) {
      const { logMs, weight } = distribution
      from.logMs.set(logMs, at)
      for (let i = 0; i < weight.length; i += 1) from.weight[at + i] = (weight[i] ?? 0) * factor
      at += logMs.length
      bounds.push(at)
      total += distribution.total * factor
      samples += distribution.samples
    }
    while (bounds.length > 2) {
      bounds = mergeNeighbours(from, to, bounds)
      ;[from, to] = [to, from]
    }
    return { logMs: from.logMs.subarray(0, at), weight: from.weight.subarray(0, at), total, samples }
  }
}

type Points = Pick<Distribution, 'logMs' | 'weight'>

/**
 * Merges the first stretch with the second, the third with the fourth, and so on; returns the bounds of what
 * has become of them.
 */
function mergeNeighbours(from: Points, to: Points, bounds: readonly number[]): number[] {
  const merged = [0]
  for (let i = 0; i + 1 < bounds.length; i += 2) {
    const middle = bounds[i + 1] ?? 0
    const end = bounds[i + 2] ?? middle
    merge(from, to, bounds[i] ?? 0, middle, end)
    merged.push(end)
  }
  return merged
}

function merge(from: Points, to: Points, start: number, middle: number, end: number): void {
  const { logMs, weight } = from
  let [left, right] = [start, middle]
  for (let at = start; at < end; at += 1) {
    const takesLeft = right >= end || (left < middle && (logMs[left] ?? 0) <= (logMs[right] ?? 0))
    const taken = takesLeft ? left++ : right++
    to.logMs[at] = logMs[taken] ?? 0
    to.weight[at] = weight[taken] ?? 0
  }
}

/** Between which shares of the requests a quantile is averaged. */
export interface Window {
  from: number
  to: number
}

/**
 * The logarithm of a latency quantile, averaged over a window of shares around it. Buckets are points at the
 * middle of their ranks and values between two are interpolated on the log scale: the mid-distribution
 * quantile, which is smooth where values are tied or buckets coarse (Ma, Genton & Parzen 2011, Ann. Inst.
 * Statist. Math. 63), and scales with the latencies exactly. Averaging over neighbouring ranks is an
 * L-estimator, with less sampling error than one order statistic (Harrell & Davis 1982, Biometrika 69). NaN
 * for an empty distribution.
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
      area +=
        (end - position) *
        (heightAt(position, previousRank, previousLog, rank, here) +
          heightAt(end, previousRank, previousLog, rank, here)) *
        0.5
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
