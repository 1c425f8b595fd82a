import { median } from './sample.ts'
import type { Sample } from './sample.ts'

/**
 * How the service did with one value of a setting (the size of its pool, for one): medians over the rounds,
 * with their range.
 */
export interface Setting {
  value: string
  rounds: number
  throughputRps: number
  throughputRange: [number, number]
  p95Ms: number
  /** At most, over the rounds. */
  errorRate: number
}

/**
 * What is within this of the best is as good: more than the rounds differ among themselves on a quiet
 * machine.
 */
const asGood = 0.95

export function settingOf(value: string, samples: readonly Sample[]): Setting {
  const rates = samples.map(({ throughputRps }) => throughputRps)
  return {
    value,
    rounds: samples.length,
    throughputRps: median(rates),
    throughputRange: [Math.min(...rates), Math.max(...rates)],
    p95Ms: median(samples.map(({ p95Ms }) => p95Ms)),
    errorRate: Math.max(...samples.map(({ errorRate }) => errorRate)),
  }
}

/**
 * The first setting, in the order given (smallest first), whose throughput is as good as the best's and which
 * answered no worse.
 */
export function enough(settings: readonly Setting[]): Setting | undefined {
  const best = Math.max(...settings.map(({ throughputRps }) => throughputRps))
  const fewest = Math.min(...settings.map(({ errorRate }) => errorRate))
  return settings.find(
    ({ throughputRps, errorRate }) => throughputRps >= best * asGood && errorRate <= fewest + 0.001,
  )
}
