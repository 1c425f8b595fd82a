import type { ProbeResult } from '../../record/index.ts'
import type { HistoryEntry } from './store.ts'
import {
  computeShares,
  buildTimeline,
  clipSpans,
  assumeHoldTimes,
  toPeriods,
  sortObservations,
} from './timeline.ts'
import type { Shares, Unscheduled, Period, Observation } from './timeline.ts'

/** The uptime of one probe of one target. */
export interface ProbeUptime {
  probe: string
  target: string
  /** Start of the window, or the first result if that is later. */
  sinceMs: number
  toMs: number
  results: number
  shares: Shares
  objective: ObjectiveState
  /** Of the last hour: the current state. */
  lastHour: ObjectiveState
  days: Period[]
  months: Period[]
  incidents: Incident[]
  steps: StepFlakes[]
}

export interface UptimeQuery {
  fromMs: number
  toMs: number
  /** The availability target, over 0 and below 1. */
  objective: number
  /** Names of probes; an empty list means all. */
  probes: readonly string[]
}

interface Collected {
  probe: string
  target: string
  observations: Unscheduled[]
  flakes: ReturnType<typeof createFlakeCounter>
}

const hourMs = 3_600_000

/** Computes the uptime by probe and target. Pure; the order of the results does not matter. */
export function computeUptime(entries: Iterable<HistoryEntry>, query: UptimeQuery): ProbeUptime[] {
  const collected = new Map<string, Collected>()
  for (const entry of entries) {
    const { probe, target, startedAtMs, holdsUntilMs, result } = entry
    if (query.probes.length > 0 && !query.probes.includes(probe)) continue
    const key = `${probe}\n${target}`
    const group = collected.get(key) ?? { probe, target, observations: [], flakes: createFlakeCounter() }
    collected.set(key, group)
    group.observations.push({ startedAtMs, holdsUntilMs, outcome: result.outcome })
    if (startedAtMs >= query.fromMs) group.flakes.add(result)
  }
  return [...collected.values()]
    .map((group) => computeProbeUptime(group, query))
    .toSorted((a, b) => compareText(a.probe, b.probe) || compareText(a.target, b.target))
}

function computeProbeUptime(
  { probe, target, observations: found, flakes }: Collected,
  { fromMs, toMs, objective }: UptimeQuery,
): ProbeUptime {
  const observations = assumeHoldTimes(found)
  const first = observations.reduce((least, { startedAtMs }) => Math.min(least, startedAtMs), Infinity)
  const sinceMs = Math.min(Math.max(fromMs, first), toMs)
  const spans = buildTimeline(observations, sinceMs, toMs)
  const shares = computeShares(spans)
  return {
    probe,
    target,
    sinceMs,
    toMs,
    results: observations.filter(({ startedAtMs }) => startedAtMs >= fromMs).length,
    shares,
    objective: computeObjective(shares, objective),
    lastHour: computeObjective(computeShares(clipSpans(spans, toMs - hourMs, toMs)), objective),
    days: toPeriods(spans, 'day'),
    months: toPeriods(spans, 'month'),
    incidents: findIncidents(observations).filter(({ toMs: end = Infinity }) => end > sinceMs),
    steps: flakes.steps().toSorted((a, b) => compareText(a.step, b.step)),
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Minimum and maximum; equal if nothing is unknown. */
export type Range = [number, number]

/** The state of an objective, as a range: unknown time may have been all up or all down. */
export interface ObjectiveState {
  /** Share of the time up or degraded, 0 to 1. */
  availability: Range
  /** Remaining share of the error budget: 1 unused, 0 exhausted, below 0 exceeded. */
  budgetLeft: Range
  /**
   * How many times as fast as allowed the budget is being used; 1 uses it up exactly at the end of the
   * window.
   */
  burnRate: Range
}

/**
 * Computes the state of a service level objective.
 *
 * burnRate = bad / (1 - objective), budgetLeft = 1 - bad / (1 - objective), where bad is the share of time
 * down: at least the observed downtime, at most that plus all unknown time.
 *
 * @param objective the availability target, over 0 and below 1
 */
export function computeObjective({ down, unknown }: Shares, objective: number): ObjectiveState {
  const budget = 1 - objective
  const most = Math.min(1, down + unknown)
  return {
    availability: [1 - most, 1 - down],
    budgetLeft: [1 - most / budget, 1 - down / budget],
    burnRate: [down / budget, most / budget],
  }
}

/** How often a step flaked: it failed, and passed when the journey was repeated immediately. */
export interface StepFlakes {
  step: string
  /** Runs that reached this step. */
  runs: number
  /** Runs that passed only on a retry, after this step had failed. */
  flaked: number
}

/** Counts flakes incrementally, so that the length of the history does not matter. */
export function createFlakeCounter(): { add: (result: ProbeResult) => void; steps: () => StepFlakes[] } {
  const byStep = new Map<string, StepFlakes>()
  const countersFor = (step: string): StepFlakes => {
    const found = byStep.get(step) ?? { step, runs: 0, flaked: 0 }
    byStep.set(step, found)
    return found
  }
  return {
    add: (result) => {
      // A stalled prober or an interrupted run says nothing about the steps.
      if (result.outcome === 'unknown') return
      for (const { step } of result.steps) countersFor(step).runs += 1
      for (const step of findFlakedSteps(result)) countersFor(step).flaked += 1
    },
    steps: () => [...byStep.values()].map((step) => ({ ...step, runs: Math.max(step.runs, step.flaked) })),
  }
}

/** Finds the steps that failed in attempts before the one that passed. */
function findFlakedSteps({ outcome, earlier = [] }: ProbeResult): Set<string> {
  return new Set(outcome === 'degraded' ? earlier.map(({ step }) => step) : [])
}

/** At least `n` of the last `m`. */
export interface Rule {
  n: number
  m: number
}

export interface IncidentRules {
  /** Results that must be down to open an incident. */
  open: Rule
  /** Results that must not be down to close it. */
  close: Rule
}

/** One bad result does not open an incident, and one good result does not close it. */
export const incidentRules: IncidentRules = { open: { n: 2, m: 3 }, close: { n: 2, m: 3 } }

export interface Incident {
  /** Start of the first result that opened it. */
  fromMs: number
  /** Start of the first result that closed it; undefined while it is open. */
  toMs: number | undefined
  /** Results that were down during it. */
  down: number
}

interface Seen {
  atMs: number
  bad: boolean
}

/**
 * Finds incidents by n-of-m rules. An unknown result is not evidence. Results before a time without
 * observations do not count together with those after it: such a time opens nothing (a late prober is not an
 * outage) and closes nothing.
 */
export function findIncidents(
  observations: readonly Observation[],
  rules: IncidentRules = incidentRules,
): Incident[] {
  const incidents: Incident[] = []
  let open: Incident | undefined
  let recent: Seen[] = []
  let heldUntil = -Infinity
  for (const { startedAtMs, holdsUntilMs, outcome } of sortObservations(observations)) {
    if (startedAtMs > heldUntil) recent = []
    heldUntil = Math.max(heldUntil, holdsUntilMs)
    if (outcome === 'unknown') continue
    const bad = outcome === 'down'
    const { m, n } = open ? rules.close : rules.open
    recent = [...recent, { atMs: startedAtMs, bad }].slice(-m)
    if (open && bad) open.down += 1
    const deciding = recent.filter((seen) => seen.bad === !open)
    const first = deciding[0]
    if (deciding.length < n || !first) continue
    if (open) {
      open.toMs = first.atMs
      open = undefined
    } else {
      open = { fromMs: first.atMs, toMs: undefined, down: deciding.length }
      incidents.push(open)
    }
    recent = []
  }
  return incidents
}
