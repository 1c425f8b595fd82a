import { median } from '../../record/statistics/index.ts'

/** Error rates are told to have changed from a tenth of a per cent of all requests on. */
const leastErrorStep = 0.001

/** How a metric is put on a scale where its noise is the same everywhere, and which steps on it matter. */
export interface Scale {
  to: (value: number, requests: number) => number
  leastDeviation: (requests: readonly number[]) => number
  matters: (leastStep: number) => (before: number, after: number) => boolean
}

export const scales: Record<'ratio' | 'rate', Scale> = {
  ratio: {
    to: (value) => Math.log(value),
    // A series without spread is still read no more exactly than this.
    leastDeviation: () => 0.001,
    matters: (leastStep) => (before, after) => Math.abs(after - before) > Math.log1p(leastStep),
  },
  rate: {
    // The arcsine of the root of a share has the same variance, 1 / 4n, whatever the share (Anscombe 1948).
    to: (value, requests) => Math.asin(Math.sqrt((value * requests + 0.375) / (requests + 0.75))),
    leastDeviation: (requests) => 0.5 / Math.sqrt(median(requests)),
    matters: (leastStep) => (before, after) => {
      const [low, high] = [Math.sin(Math.min(before, after)) ** 2, Math.sin(Math.max(before, after)) ** 2]
      return high - low > Math.max(leastErrorStep, low * leastStep)
    },
  },
}
