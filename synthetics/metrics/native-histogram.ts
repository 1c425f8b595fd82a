import { Histogram } from 'prom-client'
import type { HistogramConfiguration } from 'prom-client'
import { nativeZeroThreshold, toBucketIndex, toSpans } from '../../record/index.ts'
import type { NativeSeries } from '../../record/index.ts'

interface Observations {
  labels: Record<string, string>
  count: number
  sum: number
  zeroCount: number
  counts: Map<number, number>
}

/** A histogram with the classic buckets of prom-client, and with native ones, which that does not have. */
export interface NativeHistogram<L extends string> {
  observe: (labels: Record<L, string>, value: number) => void
  native: () => NativeSeries[]
}

export function createNativeHistogram<L extends string>(
  configuration: HistogramConfiguration<L>,
): NativeHistogram<L> {
  const classic = new Histogram(configuration)
  const byLabels = new Map<string, Observations>()
  return {
    observe: (labels, value) => {
      // Refuses labels that are not declared and values that are not finite.
      classic.observe(labels, value)
      const key = JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      const series = byLabels.get(key) ?? { labels, count: 0, sum: 0, zeroCount: 0, counts: new Map() }
      byLabels.set(key, series)
      series.count += 1
      series.sum += value
      if (value <= nativeZeroThreshold) {
        series.zeroCount += 1
        return
      }
      const index = toBucketIndex(value)
      series.counts.set(index, (series.counts.get(index) ?? 0) + 1)
    },
    native: () =>
      [...byLabels.values()].map(({ labels, count, sum, zeroCount, counts }) => ({
        labels,
        count,
        sum,
        zeroCount,
        ...toSpans(counts),
      })),
  }
}
