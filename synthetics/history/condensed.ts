import { jsonOf } from '../../record/documents/index.ts'
import type { ProbeOutcome } from '../../record/index.ts'
import type { StepFlakes } from './flakes.ts'
import { incidentRules } from './incidents.ts'
import type { Unscheduled } from './timeline.ts'

/** Results of one outcome that followed each other without a gap, as one observation. */
export interface Stretch extends Unscheduled {
  count: number
}

/** What is kept of the results of one probe of one target on a day in UTC. */
export interface CondensedDay {
  probe: string
  target: string
  dayMs: number
  stretches: Stretch[]
  /** How often steps ran and flaked. */
  steps: StepFlakes[]
}

/** So many results, all down or all not, fill the window that decides on incidents: more decide nothing. */
const kept = Math.max(incidentRules.open.m, incidentRules.close.m)

/**
 * Adds a result to stretches: the timeline and the incidents stay exactly what they are by the results
 * themselves. The first three of results in a row that are all down, or all not, are kept. One after them
 * with the outcome of the last, and without a gap, only makes the last longer. A result without a known
 * validity is kept: others decide how long it is valid.
 */
export function createCondenser(): { add: (next: Stretch) => void; stretches: Stretch[] } {
  const stretches: Stretch[] = []
  let alike = 0
  let wasDown = false
  return {
    stretches,
    add: (next) => {
      const last = stretches.at(-1)
      const { startedAtMs, holdsUntilMs, outcome } = next
      const heldMs = last?.holdsUntilMs ?? undefined
      const hasGap = heldMs === undefined || startedAtMs > heldMs
      // An unknown result decides nothing, and is between two that may.
      if (hasGap) alike = 0
      const isAlike = outcome === 'unknown' || (outcome === 'down') === wasDown
      const isLonger = !hasGap && holdsUntilMs !== null && holdsUntilMs >= heldMs
      if (isLonger && last?.outcome === outcome && isAlike && (alike >= kept || outcome === 'unknown')) {
        last.holdsUntilMs = holdsUntilMs
        last.count += next.count
        return
      }
      stretches.push({ ...next })
      if (outcome === 'unknown') return
      alike = isAlike ? alike + 1 : 1
      wasDown = outcome === 'down'
    },
  }
}

const outcomes = ['up', 'degraded', 'down', 'unknown'] as const satisfies ProbeOutcome[]

interface DayText {
  /** `[started − day, validity in ms or −1, number of the outcome, count, …]` */
  stretches: number[]
  /** Runs and flakes. */
  steps: Record<string, [runs: number, flaked: number]>
}

export function formatDay({ dayMs, stretches, steps }: CondensedDay): string {
  return JSON.stringify({
    stretches: stretches.flatMap(({ startedAtMs, holdsUntilMs, outcome, count }) => [
      startedAtMs - dayMs,
      holdsUntilMs === null ? -1 : holdsUntilMs - startedAtMs,
      outcomes.indexOf(outcome),
      count,
    ]),
    steps: Object.fromEntries(steps.map(({ step, runs, flaked }) => [step, [runs, flaked]])),
  } satisfies DayText)
}

/** Undefined for what is no such text. */
export function parseDay(
  of: Pick<CondensedDay, 'probe' | 'target' | 'dayMs'>,
  text: string,
): CondensedDay | undefined {
  const found = parseText(text)
  if (found === undefined) return undefined
  const flat = found.stretches
  const stretches: Stretch[] = []
  for (let at = 0; at + 3 < flat.length; at += 4) {
    const startedAtMs = of.dayMs + (flat[at] ?? 0)
    const validMs = flat[at + 1] ?? -1
    stretches.push({
      startedAtMs,
      holdsUntilMs: validMs < 0 ? null : startedAtMs + validMs,
      outcome: outcomes[flat[at + 2] ?? 0] ?? 'unknown',
      count: flat[at + 3] ?? 1,
    })
  }
  const steps = Object.entries(found.steps).map(([step, [runs, flaked]]) => ({ step, runs, flaked }))
  return { ...of, stretches, steps }
}

// Not by a schema, which takes a second for the seven million numbers of a year of 200 probes.
function parseText(text: string): DayText | undefined {
  const read = jsonOf(text)
  if (read.state === 'invalid' || typeof read.value !== 'object' || read.value === null) return undefined
  if (!('stretches' in read.value) || !('steps' in read.value)) return undefined
  const { stretches, steps } = read.value
  return areNumbers(stretches) && isOfSteps(steps) ? { stretches, steps } : undefined
}

function isOfSteps(value: unknown): value is DayText['steps'] {
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).every((pair) => areNumbers(pair) && pair.length === 2)
}

function areNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'number')
}
