import type { ComparableRun } from '../../record/index.ts'
import { seeded } from './random.ts'

/** A history of runs to look for changes in. */
export interface SeriesPlan {
  runs: number
  /** Latency from a run on, as a factor over what it was. */
  steps: readonly { at: number; factor: number }[]
  /** Standard deviation of the logarithm of latency from run to run. */
  noise: number
  /** Lag-1 correlation of it: runs of one day are alike. */
  correlation: number
  /** Chance that a run is out of line by a factor of 1.3 to 2. */
  spikes: number
  /** Chance that a run is missing, invalid or interrupted. */
  gaps: number
}

/** Runs with totals alone. The same seed gives the same series. */
export function simulateSeries(
  { runs, steps, noise, correlation, spikes, gaps }: SeriesPlan,
  seed: number,
): (ComparableRun | null)[] {
  const random = seeded(seed)
  let wander = random.normal() * noise
  return Array.from({ length: runs }, (_, index) => {
    wander = correlation * wander + Math.sqrt(1 - correlation ** 2) * noise * random.normal()
    const spike = random.uniform() < spikes ? 1.3 + 0.7 * random.uniform() : 1
    const level = steps.reduce((factor, step) => (index >= step.at ? factor * step.factor : factor), spike)
    const run = runWith(
      level * Math.exp(wander),
      () => Math.exp(0.5 * noise * random.normal()),
      random.uniform,
    )
    const fate = random.uniform()
    if (fate < gaps / 3) return null
    if (fate < (gaps * 2) / 3) return { ...run, interrupted: true }
    return fate < gaps ? { ...run, validity: { valid: false, reasons: ['simulated'] } } : run
  })
}

function runWith(level: number, own: () => number, uniform: () => number): ComparableRun {
  const requests = 6000
  const errors = Math.round(6 * uniform())
  const latency = {
    meanMs: 14 * level * own(),
    p50Ms: 8 * level * own(),
    p90Ms: 25 * level * own(),
    p95Ms: 40 * level * own() * own(),
    p99Ms: 90 * level * own() ** 3,
    maxMs: 400 * level,
  }
  return {
    schema: 'vigil.run/1',
    totals: { requests, errors, errorRate: errors / requests, throughputRps: 100 + 0.1 * uniform(), latency },
    endpoints: {},
  }
}
