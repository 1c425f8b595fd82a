import { withAssumedHold } from './assumed.ts'
import type { Unscheduled } from './assumed.ts'
import type { HistoryEntry } from './entry.ts'
import { flakeCounter } from './flakes.ts'
import type { StepFlakes } from './flakes.ts'
import { incidentsOf } from './incidents.ts'
import type { Incident } from './incidents.ts'
import { objectiveState } from './objective.ts'
import type { ObjectiveState } from './objective.ts'
import { periodsOf } from './periods.ts'
import type { Period } from './periods.ts'
import { sharesOf, timeline, within } from './timeline.ts'
import type { Shares } from './timeline.ts'

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
  /** Probes to tell of; none: all. */
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
