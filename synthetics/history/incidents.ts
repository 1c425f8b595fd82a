import { sortObservations } from './timeline.ts'
import type { Observation } from './timeline.ts'

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
  observations: readonly (Observation & { count?: number })[],
  rules: IncidentRules = incidentRules,
): Incident[] {
  const incidents: Incident[] = []
  let open: Incident | undefined
  let recent: Seen[] = []
  let heldUntil = -Infinity
  for (const { startedAtMs, holdsUntilMs, outcome, count = 1 } of sortObservations(observations)) {
    if (startedAtMs > heldUntil) recent = []
    heldUntil = Math.max(heldUntil, holdsUntilMs)
    if (outcome === 'unknown') continue
    const bad = outcome === 'down'
    const { m, n } = open ? rules.close : rules.open
    recent.push({ atMs: startedAtMs, bad })
    if (recent.length > m) recent.splice(0, recent.length - m)
    if (open && bad) open.down += count
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
