import type { ComparableRun } from '../../record/index.ts'
import type { VerdictRow } from '../verdict.ts'
import { amount } from '../wording.ts'
import { readFact, meanOfKnown } from './units.ts'
import type { DuetUnits } from './units.ts'

/** With more dropped arrivals than this, something was saturated. */
const maxDroppedShare = 0.001
/** One or two are an accident. */
const minDropped = 3
/** A side that keeps this many times as many virtual users busy as the other is the saturated one. */
const maxBusyRatio = 2
/** The same journeys make as many requests on both sides, but for those that errors cut short. */
const maxRequestDifference = 0.01

/**
 * Whether the load was what it should be. Both sides share one pool of virtual users, so a side that
 * saturates starves the other too: arrivals are dropped for both, and latencies of those that are left are
 * unchanged. The side that kept the users busy caused it. A saturated candidate has failed, by throughput;
 * anything else that was saturated measured nothing.
 */
export function judgeLoad(units: DuetUnits): VerdictRow[] {
  return [...judgeDropped(units), ...judgeRequestCounts(units)]
}

function judgeDropped(units: DuetUnits): VerdictRow[] {
  const { due, dropped } = countDropped(units)
  if (dropped < Math.max(minDropped, due * maxDroppedShare)) return []
  const [b = 0, c = 0] = [units.baseline, units.candidate].map((runs) =>
    meanOfKnown(runs.map((run) => readFact(run, 'generator', 'busyUsers'))),
  )
  const busy =
    `${Math.round(dropped)} of ${Math.round(due)} arrivals were dropped because all virtual users were ` +
    `waiting (for the baseline ` +
    `${Number(b.toPrecision(2))}, for the candidate ${Number(c.toPrecision(2))} on average)`
  const row = { rule: 'load', step: null, metric: 'throughputRps' } as const
  if (c > maxBusyRatio * b)
    return [
      {
        ...row,
        status: 'fail',
        actual: dropped / due,
        limit: maxDroppedShare,
        message: `the candidate is saturated at a rate that the baseline sustains: ${busy}`,
      },
    ]
  if (b > maxBusyRatio * c)
    return [{ ...row, status: 'invalid', message: `the baseline is saturated: ${busy}; lower the rate` }]
  return [
    {
      ...row,
      status: 'invalid',
      message: `the load was too high for both sides, or for this machine: ${busy}; lower the rate`,
    },
  ]
}

/**
 * How many arrivals were due, and how many of them never were: of both sides together, which records of both
 * hold.
 */
function countDropped({ baseline }: DuetUnits): { due: number; dropped: number } {
  let [due, dropped] = [0, 0]
  for (const run of baseline) {
    const here = readFact(run, 'generator', 'droppedArrivals') ?? 0
    due += 2 * (run.load?.ratePerSecond ?? 0) * ((run.durationMs ?? 0) / 1000) + here
    dropped += here
  }
  return { due, dropped }
}

/**
 * Whether a unit is no evidence about the sides. One in which arrivals were dropped while both sides were
 * waiting alike shows that the machine paused for a moment: it is set aside, as long as such units are few.
 * One in which the candidate alone kept the users waiting is its failure, and stays.
 */
export function isDisturbed(baseline: ComparableRun, candidate: ComparableRun): boolean {
  const [dropped = 0, b = 0, c = 0] = [
    readFact(baseline, 'generator', 'droppedArrivals'),
    readFact(baseline, 'generator', 'busyUsers'),
    readFact(candidate, 'generator', 'busyUsers'),
  ]
  return dropped >= 1 && c <= maxBusyRatio * b && b <= maxBusyRatio * c
}

/** Whether too many units were disturbed for the machine to measure this load. */
export function hasTooManyDisturbed(disturbed: number, sound: number): boolean {
  return disturbed > 4 + sound / 3
}

function judgeRequestCounts(units: DuetUnits): VerdictRow[] {
  const [b, c] = [sumTotals('requests', units.baseline), sumTotals('requests', units.candidate)]
  const errors = sumTotals('errors', units.baseline) + sumTotals('errors', units.candidate)
  const apart = Math.abs(b - c) / Math.max(1, b, c)
  if (apart <= maxRequestDifference || errors > 0) return []
  return [
    {
      rule: 'load',
      step: null,
      metric: 'requests',
      status: 'invalid',
      message:
        `the sides got ${b} and ${c} requests, ${amount('ratio', apart)} apart, and no error explains ` +
        'it: they received different requests',
    },
  ]
}

function sumTotals(pick: 'requests' | 'errors', runs: DuetUnits['baseline']): number {
  return runs.reduce((sum, { totals }) => sum + totals[pick], 0)
}
