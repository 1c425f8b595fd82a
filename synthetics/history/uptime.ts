import type { HistoryEntry } from './store.ts'
import { computeShares, buildTimeline, clipSpans, assumeHoldTimes, toPeriods } from './timeline.ts'
import type { Shares, Period } from './timeline.ts'
import type { CondensedDay, Stretch } from './condensed.ts'
import { createFlakeCounter } from './flakes.ts'
import type { StepFlakes } from './flakes.ts'
import { findIncidents } from './incidents.ts'
import type { Incident } from './incidents.ts'

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
  results: number
  observed: Stretch[]
  flakes: ReturnType<typeof createFlakeCounter>
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/**
 * Computes the uptime by probe and target. Pure; the order of the entries does not matter. The days are by
 * probe and target, so that one probe is in memory at a time; their results are not among the entries. The
 * first day counts with all of its results, also when the window begins later on it; the times are exact.
 */
export function computeUptime(
  entries: Iterable<HistoryEntry>,
  query: UptimeQuery,
  days: Iterable<CondensedDay> = [],
): ProbeUptime[] {
  const isAsked = ({ probe }: { probe: string }): boolean =>
    query.probes.length === 0 || query.probes.includes(probe)
  const recent = new Map<string, Collected>()
  for (const entry of entries) if (isAsked(entry)) addEntry(collectedOf(recent, entry), entry, query)
  const computed: ProbeUptime[] = []
  let current: Collected | undefined
  for (const day of days) {
    if (!isAsked(day)) continue
    if (current === undefined || current.probe !== day.probe || current.target !== day.target) {
      if (current !== undefined) computed.push(computeProbeUptime(current, query))
      current = collectedOf(recent, day)
      recent.delete(keyOf(day))
    }
    addDay(current, day, query)
  }
  const others = [...(current ? [current] : []), ...recent.values()]
  return [...computed, ...others.map((one) => computeProbeUptime(one, query))].toSorted(
    (a, b) => compareText(a.probe, b.probe) || compareText(a.target, b.target),
  )
}

type ProbeName = Pick<Collected, 'probe' | 'target'>

function keyOf({ probe, target }: ProbeName): string {
  return `${probe}\n${target}`
}

function collectedOf(all: Map<string, Collected>, name: ProbeName): Collected {
  const found = all.get(keyOf(name))
  if (found !== undefined) return found
  const { probe, target } = name
  const added = { probe, target, results: 0, observed: [], flakes: createFlakeCounter() }
  all.set(keyOf(name), added)
  return added
}

function addEntry(
  to: Collected,
  { startedAtMs, holdsUntilMs, result }: HistoryEntry,
  { fromMs }: UptimeQuery,
): void {
  to.observed.push({ startedAtMs, holdsUntilMs, outcome: result.outcome, count: 1 })
  if (startedAtMs < fromMs) return
  to.results += 1
  to.flakes.add(result)
}

function addDay(to: Collected, day: CondensedDay, { fromMs }: UptimeQuery): void {
  for (const stretch of day.stretches) to.observed.push(stretch)
  if (day.dayMs + dayMs <= fromMs) return
  for (const { count } of day.stretches) to.results += count
  to.flakes.addAll(day.steps)
}

function computeProbeUptime(
  { probe, target, results, observed, flakes }: Collected,
  { fromMs, toMs, objective }: UptimeQuery,
): ProbeUptime {
  const observations = assumeHoldTimes(observed)
  const first = observations.reduce((least, { startedAtMs }) => Math.min(least, startedAtMs), Infinity)
  const sinceMs = Math.min(Math.max(fromMs, first), toMs)
  const spans = buildTimeline(observations, sinceMs, toMs)
  const shares = computeShares(spans)
  return {
    probe,
    target,
    sinceMs,
    toMs,
    results,
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
