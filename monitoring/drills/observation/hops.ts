import { destinationText } from './observation.ts'
import type { Destination, Observation } from './observation.ts'
import {
  explainMissingDelivery,
  explainMissingEvaluation,
  explainNeverTrue,
  explainPending,
  findMissingContent,
  list,
  misroutedTo,
  problemText,
  rejectionText,
  secondsText,
  wasDelivered,
} from './explanations.ts'

/** The steps at which an alert can be lost, in the order in which it passes them. */
export const hopNames = [
  'calm',
  'evaluation',
  'rule',
  'pending',
  'alertmanager',
  'grouping',
  'routing',
  'receiver',
  'content',
  'inhibition',
  'escalation',
  'muting',
  'resolve',
  'resolved notice',
  'notifications',
  'unexpected',
] as const
export type HopName = (typeof hopNames)[number]

/** One step of the alert: whether it has passed it, and if not in time, why. */
export interface Hop {
  name: HopName
  withinMs: number
  isReached: () => boolean
  why: () => string
}

/** `failed`: the hop at which the alert was lost, and why. */
export type HopsResult = { state: 'ok' } | { state: 'failed'; hop: HopName; why: string }

/** Waits for the hops one after the other. The first that is not reached in time ends it. */
export async function followHops(
  hops: readonly Hop[],
  waitUntil: (condition: () => boolean, withinMs: number) => Promise<boolean>,
  reportHop: (hop: HopName) => void = () => undefined,
): Promise<HopsResult> {
  for (const hop of hops) {
    reportHop(hop.name)
    if (!(await waitUntil(hop.isReached, hop.withinMs)))
      return { state: 'failed', hop: hop.name, why: hop.why() }
  }
  return { state: 'ok' }
}

export interface Expected {
  alert: string
  to: readonly Destination[]
  /** Words that each notification must contain. */
  content: readonly string[]
}

/** Time limits of the hops, on the drill's clock. */
export interface Limits {
  /** From the fault until its rule is true. */
  trueMs: number
  /** From then until the alert fires. Its `for` must not take longer. */
  firesMs: number
  /** From firing until Alertmanager and the receivers have the alert. */
  deliverMs: number
  /** From the end of the fault until the alert no longer fires. */
  clearMs: number
}

/** The hops from the fault until every receiver has the alert. */
export function deliveryHops(seen: () => Observation, expected: Expected, limits: Limits): Hop[] {
  return [...firingHops(seen, expected, limits), ...receiverHops(seen, expected, limits)]
}

/** Alertmanager groups by name; critical alerts of one service are one group. */
const groupings = ['alertname', 'service']

function firingHops(seen: () => Observation, { alert }: Expected, limits: Limits): Hop[] {
  return [
    {
      name: 'evaluation',
      withinMs: limits.trueMs,
      isReached: () => seen().evaluations > 1,
      why: () => explainMissingEvaluation(seen(), limits.trueMs),
    },
    {
      name: 'rule',
      withinMs: limits.trueMs,
      isReached: () => seen().trueAtMs !== undefined,
      why: () => explainNeverTrue(seen(), limits.trueMs),
    },
    {
      name: 'pending',
      withinMs: limits.firesMs,
      isReached: () => seen().firingAtMs !== undefined,
      why: () => explainPending(seen(), limits.firesMs),
    },
    {
      name: 'alertmanager',
      withinMs: limits.deliverMs,
      isReached: () => seen().inAlertmanagerAtMs !== undefined,
      why: () =>
        `${alert} fires in Prometheus, but Alertmanager does not have it after ` +
        `${secondsText(limits.deliverMs)}: check that Prometheus sends to this Alertmanager` +
        problemText(seen()),
    },
    {
      name: 'grouping',
      withinMs: 0,
      isReached: () => groupings.some((label) => seen().groupedBy.includes(label)),
      why: () => `${alert} is grouped by ${seen().groupedBy.join(', ') || 'nothing'}, expected alertname`,
    },
  ]
}

function receiverHops(seen: () => Observation, { alert, to, content }: Expected, limits: Limits): Hop[] {
  return [
    ...to.map((destination): Hop => ({
      name: 'receiver',
      withinMs: limits.deliverMs,
      isReached: () => wasDelivered(seen(), destination, 'firing'),
      why: () => explainMissingDelivery(seen(), destination, to, limits.deliverMs),
    })),
    {
      name: 'routing',
      withinMs: 0,
      isReached: () => misroutedTo(seen(), to).length === 0,
      why: () =>
        `${alert} was also routed to the wrong receivers: ${list(misroutedTo(seen(), to))} has it, ` +
        `expected only ${list(to)}`,
    },
    {
      name: 'content',
      withinMs: 0,
      isReached: () => findMissingContent(seen(), content) === undefined,
      why: () => `${alert}: ${findMissingContent(seen(), content)}`,
    },
  ]
}

/** The hops from the end of the fault until every receiver has the resolved notification. */
export function resolutionHops(seen: () => Observation, { alert, to }: Expected, limits: Limits): Hop[] {
  return [
    {
      name: 'resolve',
      withinMs: limits.clearMs,
      isReached: () => seen().clearedAtMs !== undefined,
      why: () =>
        `${alert} still fires ${secondsText(limits.clearMs)} after the end of its ` +
        `fault${problemText(seen())}`,
    },
    ...to.map((destination): Hop => ({
      name: 'resolved notice',
      withinMs: limits.deliverMs,
      isReached: () => wasDelivered(seen(), destination, 'resolved'),
      why: () =>
        `${alert} is resolved, but ${destinationText(destination)} was not notified within ` +
        `${secondsText(limits.deliverMs)}${rejectionText(seen(), destination)}: ` +
        'check that its receiver has send_resolved: true',
    })),
  ]
}
