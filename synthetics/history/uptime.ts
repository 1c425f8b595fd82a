import type { ProbeResult } from '../../record/index.ts'
import { incidentsOf } from './incidents.ts'
import type { Incident } from './incidents.ts'
import type { HistoryEntry } from './store.ts'
import { sharesOf, timeline, within, withAssumedHold, periodsOf } from './timeline.ts'
import type { Shares, Unscheduled, Period } from './timeline.ts'

/** The uptime of one probe of one target. */
export interface ProbeUptime {
  probe: string
  target: string
  /** From when on it is looked at: the beginning of the window, or the first result when that came later. */
  sinceMs: number
  toMs: number
  results: number
  shares: Shares
  objective: ObjectiveState
  /** Of the last hour alone: what is happening now. */
  lastHour: ObjectiveState
  days: Period[]
  months: Period[]
  incidents: Incident[]
  steps: StepFlakes[]
}

export interface UptimeQuery {
  fromMs: number
  toMs: number
  /** Share of time promised, over 0 and below 1. */
  objective: number
  /** Probes to report; none: all. */
  probes: readonly string[]
}

interface Collected {
  probe: string
  target: string
  observations: Unscheduled[]
  flakes: ReturnType<typeof flakeCounter>
}

const hourMs = 3_600_000

/** Uptime from results, by probe and target. Pure; the order of the results does not matter. */
export function uptimeOf(entries: Iterable<HistoryEntry>, query: UptimeQuery): ProbeUptime[] {
  const collected = new Map<string, Collected>()
  for (const entry of entries) {
    const { probe, target, startedAtMs, holdsUntilMs, result } = entry
    if (query.probes.length > 0 && !query.probes.includes(probe)) continue
    const key = `${probe}\n${target}`
    const of = collected.get(key) ?? { probe, target, observations: [], flakes: flakeCounter() }
    collected.set(key, of)
    of.observations.push({ startedAtMs, holdsUntilMs, outcome: result.outcome })
    if (startedAtMs >= query.fromMs) of.flakes.add(result)
  }
  return [...collected.values()]
    .map((of) => probeUptime(of, query))
    .toSorted((a, b) => compare(a.probe, b.probe) || compare(a.target, b.target))
}

function probeUptime(
  { probe, target, observations: found, flakes }: Collected,
  { fromMs, toMs, objective }: UptimeQuery,
): ProbeUptime {
  const observations = withAssumedHold(found)
  const first = observations.reduce((least, { startedAtMs }) => Math.min(least, startedAtMs), Infinity)
  const sinceMs = Math.min(Math.max(fromMs, first), toMs)
  const spans = timeline(observations, sinceMs, toMs)
  const shares = sharesOf(spans)
  return {
    probe,
    target,
    sinceMs,
    toMs,
    results: observations.filter(({ startedAtMs }) => startedAtMs >= fromMs).length,
    shares,
    objective: objectiveState(shares, objective),
    lastHour: objectiveState(sharesOf(within(spans, toMs - hourMs, toMs)), objective),
    days: periodsOf(spans, 'day'),
    months: periodsOf(spans, 'month'),
    incidents: incidentsOf(observations).filter(({ toMs: end = Infinity }) => end > sinceMs),
    steps: flakes.steps().toSorted((a, b) => compare(a.step, b.step)),
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** From the least to the most; the same twice where nothing is unknown. */
export type Range = [number, number]

/** What is left of a promise, as a range: unknown time may all have been up, or all have been down. */
export interface ObjectiveState {
  /** Share of the time in which it worked, 0 to 1; degraded counts as working. */
  availability: Range
  /** Of the error budget, the share that is left: 1 untouched, 0 used up, below 0 overdrawn. */
  budgetLeft: Range
  /**
   * How many times as fast as allowed the budget is being used; 1 uses it up exactly at the end of the
   * window.
   */
  burnRate: Range
}

/**
 * A service level objective over the time that was shared.
 *
 * burnRate = bad / (1 - objective), budgetLeft = 1 - bad / (1 - objective), where bad is the share of time
 * down: at least what was seen down, at most that and all that is unknown.
 *
 * @param objective the share of time that was promised, over 0 and below 1
 */
export function objectiveState({ down, unknown }: Shares, objective: number): ObjectiveState {
  const budget = 1 - objective
  const most = Math.min(1, down + unknown)
  return {
    availability: [1 - most, 1 - down],
    budgetLeft: [1 - most / budget, 1 - down / budget],
    burnRate: [down / budget, most / budget],
  }
}

/**
 * How often a step failed although nothing was wrong: it passed when the journey was tried again immediately.
 */
export interface StepFlakes {
  step: string
  /** Runs that came to this step. */
  runs: number
  /** Runs that passed only on a retry, after this step had failed. */
  flaked: number
}

/** Counts flakes over results one by one, so that no history is too long for it. */
export function flakeCounter(): { add: (result: ProbeResult) => void; steps: () => StepFlakes[] } {
  const byStep = new Map<string, StepFlakes>()
  const of = (step: string): StepFlakes => {
    const found = byStep.get(step) ?? { step, runs: 0, flaked: 0 }
    byStep.set(step, found)
    return found
  }
  return {
    add: (result) => {
      // Of a prober that stood still, or a run that was interrupted, nothing is learned.
      if (result.outcome === 'unknown') return
      for (const { step } of result.steps) of(step).runs += 1
      for (const step of flakedSteps(result)) of(step).flaked += 1
    },
    steps: () => [...byStep.values()].map((step) => ({ ...step, runs: Math.max(step.runs, step.flaked) })),
  }
}

/** The steps that failed at attempts before the one that passed. */
function flakedSteps({ outcome, earlier = [] }: ProbeResult): Set<string> {
  return new Set(outcome === 'degraded' ? earlier.map(({ step }) => step) : [])
}
