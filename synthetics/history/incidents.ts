import { ordered } from './timeline.ts'
import type { Observation } from './timeline.ts'

/** At least `n` of the last `m`. */
export interface Rule {
  n: number
  m: number
}

export interface IncidentRules {
  /** How many results must be down for an incident to be opened. */
  open: Rule
  /** How many must not be down for it to be closed. */
  close: Rule
}

/** One bad result is no incident, and one good one is not its end. */
export const incidentRules: IncidentRules = { open: { n: 2, m: 3 }, close: { n: 2, m: 3 } }

export interface Incident {
  /** When the first result that opened it began. */
  fromMs: number
  /** When the first result that closed it began; undefined while it is open. */
  toMs: number | undefined
  /** Results that were down during it. */
  down: number
}

interface Seen {
  atMs: number
  bad: boolean
}

/**
 * Incidents by n-of-m rules. A result that is unknown is no evidence, for or against. Time without a probe
 * at parts what was before from what comes after: it opens nothing (a late prober is not an outage) and
 * closes nothing.
 */
export function incidentsOf(
  observations: readonly Observation[],
  rules: IncidentRules = incidentRules,
): Incident[] {
  const incidents: Incident[] = []
  let open: Incident | undefined
  let recent: Seen[] = []
  let heldUntil = -Infinity
  for (const { startedAtMs, holdsUntilMs, outcome } of ordered(observations)) {
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
