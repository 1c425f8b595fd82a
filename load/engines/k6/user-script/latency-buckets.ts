import type { Histogram } from '../../../../record/index.ts'

/**
 * Counts latencies in bounded memory, for as long as a run lasts: buckets of whole microseconds at first, then each 0.5 %
 * wider than the one below, so that a percentile is never more than that over its sample.
 */
export interface LatencyBuckets {
  add: (ms: number) => void
  histogram: () => Histogram
  count: () => number
  sumMs: () => number
}

const growth = 1.005
/** From here on a bucket of one microsecond is narrower than 0.5 %. */
const linearUpTo = 200

export function latencyBuckets(): LatencyBuckets {
  const counts = new Map<number, number>()
  let total = 0
  let sumMs = 0
  return {
    add: (ms) => {
      const micros = Math.max(1, Math.ceil(ms * 1000))
      const index =
        micros <= linearUpTo
          ? micros
          : linearUpTo + Math.ceil(Math.log(micros / linearUpTo) / Math.log(growth) - 1e-9)
      counts.set(index, (counts.get(index) ?? 0) + 1)
      total += 1
      sumMs += ms
    },
    histogram: () =>
      [...counts].toSorted(([a], [b]) => a - b).map(([index, count]) => [upperMs(index), count]),
    count: () => total,
    sumMs: () => sumMs,
  }
}

function upperMs(index: number): number {
  return (index <= linearUpTo ? index : Math.ceil(linearUpTo * growth ** (index - linearUpTo) - 1e-6)) / 1000
}
