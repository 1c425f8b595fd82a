import { machine, noiseLevels, seeded, slotSeconds } from './machine.ts'
import type { NoiseLevel } from './machine.ts'
import { simulateBlock, simulateParts } from './service.ts'
import type { Change, Writer } from './service.ts'
import type { ComparableRun } from '../../record/index.ts'

export interface DuetPlan {
  level: NoiseLevel
  change: Change
  pairs: number
  seconds: number
  writer?: Writer
}

export interface Duet {
  baseline: ComparableRun[]
  candidate: ComparableRun[]
}

/** Requests per second are drawn from here, evenly on the log scale. */
const rates = [150, 800] as const

/**
 * A duet of blocks next to each other in time, in random order within each pair. The same seed gives the same
 * duet.
 */
export function simulateDuet(
  { level, change, pairs, seconds, writer = 'hdr' }: DuetPlan,
  seed: number,
): Duet {
  const random = seeded(seed)
  const ratePerSecond = rates[0] * (rates[1] / rates[0]) ** random.uniform()
  const slots = Math.round(seconds / slotSeconds)
  const next = machine(noiseLevels[level], random)
  const duet: Duet = { baseline: [], candidate: [] }
  for (let pair = 0; pair < pairs; pair += 1) {
    const sides =
      random.uniform() < 0.5 ? (['baseline', 'candidate'] as const) : (['candidate', 'baseline'] as const)
    for (const side of sides)
      duet[side].push(
        simulateBlock(
          {
            seconds,
            ratePerSecond,
            slowness: next(slots),
            change: side === 'candidate' ? change : {},
            writer,
          },
          random,
        ),
      )
  }
  return duet
}

/** The control of a duet: random halves of blocks of the baseline. The same seed gives the same halves. */
export function simulateControl(
  { level, pairs, seconds, writer = 'hdr' }: Omit<DuetPlan, 'change'>,
  seed: number,
): { first: ComparableRun[]; second: ComparableRun[] } {
  const random = seeded(seed)
  const ratePerSecond = rates[0] * (rates[1] / rates[0]) ** random.uniform()
  const slots = Math.round(seconds / slotSeconds)
  const next = machine(noiseLevels[level], random)
  const halves: { first: ComparableRun[]; second: ComparableRun[] } = { first: [], second: [] }
  for (let pair = 0; pair < pairs; pair += 1) {
    const block = { seconds, ratePerSecond, slowness: next(slots), change: {}, writer }
    const [first, second] = simulateParts(block, random, 2)
    if (first) halves.first.push(first)
    if (second) halves.second.push(second)
  }
  return halves
}

/** A history of runs to look for changes in. */
export interface SeriesPlan {
  runs: number
  /** Latency from a run on, as a factor over what it was. */
  steps: readonly { at: number; factor: number }[]
  /** Latency grows evenly between these runs, by a factor in all. */
  drift?: { from: number; to: number; factor: number }
  /** Two runs of seven differ by this factor, as weekends do. */
  weekend?: number
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
  { runs, steps, noise, correlation, spikes, gaps, drift, weekend = 1 }: SeriesPlan,
  seed: number,
): (ComparableRun | null)[] {
  const random = seeded(seed)
  let wander = random.normal() * noise
  return Array.from({ length: runs }, (_, index) => {
    wander = correlation * wander + Math.sqrt(1 - correlation ** 2) * noise * random.normal()
    const spike = random.uniform() < spikes ? 1.3 + 0.7 * random.uniform() : 1
    const level = steps.reduce((factor, step) => (index >= step.at ? factor * step.factor : factor), spike)
    const drifted = drift === undefined ? 1 : drift.factor ** shareOf(drift, index)
    const run = runWith(
      level * drifted * (index % 7 > 4 ? weekend : 1) * Math.exp(wander),
      () => Math.exp(0.5 * noise * random.normal()),
      random.uniform,
    )
    const fate = random.uniform()
    if (fate < gaps / 3) return null
    if (fate < (gaps * 2) / 3) return { ...run, interrupted: true }
    return fate < gaps ? { ...run, validity: { valid: false, reasons: ['simulated'] } } : run
  })
}

/** How much of a drift has happened at a run. */
function shareOf({ from, to }: { from: number; to: number }, index: number): number {
  return Math.min(1, Math.max(0, (index - from) / (to - from)))
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
