import { destinationText } from './observation.ts'
import type { Destination, ComparisonValues, Observation } from './observation.ts'

/** The ways an alert can get lost, in the order in which it travels. */
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
  'unexpected',
] as const
export type HopName = (typeof hopNames)[number]

/** One stretch of the way: whether it was travelled, and if it was not in time, why. */
export interface Hop {
  name: HopName
  withinMs: number
  isReached: () => boolean
  why: () => string
}

export interface Expected {
  alert: string
  to: readonly Destination[]
  /** Words that each notification must hold. */
  content: readonly string[]
}

/** Time limits of the hops, on the drill's clock. */
export interface Limits {
  /** From the fault until its rule is true. */
  trueMs: number
  /** From there until it fires; its `for` may take no longer. */
  firesMs: number
  /** From firing until Alertmanager and the receivers have it. */
  deliverMs: number
  /** From the end of the fault until it no longer fires. */
  clearMs: number
}

/** From the fault until every receiver has the alert. */
export function deliveryHops(
  seen: () => Observation,
  { alert, to, content }: Expected,
  limits: Limits,
): Hop[] {
  return [
    {
      name: 'evaluation',
      withinMs: limits.trueMs,
      isReached: () => seen().evaluations > 1,
      why: () => notEvaluated(seen(), limits.trueMs),
    },
    {
      name: 'rule',
      withinMs: limits.trueMs,
      isReached: () => seen().trueAtMs !== undefined,
      why: () => neverTrue(seen(), limits.trueMs),
    },
    {
      name: 'pending',
      withinMs: limits.firesMs,
      isReached: () => seen().firingAtMs !== undefined,
      why: () => pendingTooLong(seen(), limits.firesMs),
    },
    {
      name: 'alertmanager',
      withinMs: limits.deliverMs,
      isReached: () => seen().inAlertmanagerAtMs !== undefined,
      why: () =>
        `${alert} fires in Prometheus, but Alertmanager does not have it after ${seconds(limits.deliverMs)}: is it Prometheus' Alertmanager?${troubleOf(seen())}`,
    },
    {
      name: 'grouping',
      withinMs: 0,
      isReached: () => seen().groupedBy.includes('alertname'),
      why: () => `${alert} is grouped by ${seen().groupedBy.join(', ') || 'nothing'}, expected alertname`,
    },
    ...to.map((destination): Hop => ({
      name: 'receiver',
      withinMs: limits.deliverMs,
      isReached: () => wasDelivered(seen(), destination, 'firing'),
      why: () => notDelivered(seen(), destination, to, limits.deliverMs),
    })),
    {
      name: 'routing',
      withinMs: 0,
      isReached: () => misroutedTo(seen(), to).length === 0,
      why: () =>
        `${alert} was routed elsewhere, too: ${list(misroutedTo(seen(), to))} has it, expected only ${list(to)}`,
    },
    {
      name: 'content',
      withinMs: 0,
      isReached: () => lacking(seen(), content) === undefined,
      why: () => `${alert}: ${lacking(seen(), content)}`,
    },
  ]
}

/** From the end of the fault until every receiver knows that it is over. */
export function resolutionHops(seen: () => Observation, { alert, to }: Expected, limits: Limits): Hop[] {
  return [
    {
      name: 'resolve',
      withinMs: limits.clearMs,
      isReached: () => seen().clearedAtMs !== undefined,
      why: () =>
        `${alert} still fires ${seconds(limits.clearMs)} after its fault was withdrawn${troubleOf(seen())}`,
    },
    ...to.map((destination): Hop => ({
      name: 'resolved notice',
      withinMs: limits.deliverMs,
      isReached: () => wasDelivered(seen(), destination, 'resolved'),
      why: () =>
        `${alert} is resolved, but ${destinationText(destination)} was not told within ${seconds(limits.deliverMs)}${refusalAt(seen(), destination)}: does its receiver have send_resolved?`,
    })),
  ]
}

/** A receiver that had an alert and should not have had it. */
export function misroutedTo(seen: Observation, to: readonly Destination[]): Destination[] {
  return seen.received.filter(
    ({ response, via, address }) =>
      response.state === 'ok' && !to.some((each) => each.via === via && each.address === address),
  )
}

export function wasDelivered(
  seen: Observation,
  destination: Destination,
  tells: 'firing' | 'resolved',
): boolean {
  return deliveredAtMs(seen, destination, tells) !== undefined
}

/** When a receiver was first told of this time that the alert fires, or that this time is over: not of one before. */
export function deliveredAtMs(
  seen: Observation,
  destination: Destination,
  tells: 'firing' | 'resolved',
): number | undefined {
  const beganMs = seen.sinceTheStart ? 0 : (seen.beganMs ?? Infinity) - roundingMs
  const sinceMs = tells === 'firing' ? beganMs : (deliveredAtMs(seen, destination, 'firing') ?? Infinity)
  return seen.received.find(
    ({ via, address, status: told, response, atMs }) =>
      via === destination.via &&
      address === destination.address &&
      told === tells &&
      response.state === 'ok' &&
      atMs >= sinceMs,
  )?.atMs
}

/** Prometheus counts from the evaluation it had planned. */
const roundingMs = 500

function notEvaluated(seen: Observation, withinMs: number): string {
  if (seen.problem !== undefined && !seen.rule) return seen.problem
  if (!seen.rule) return `Prometheus has no rule named ${seen.alert}`
  if (seen.rule.health === 'err')
    return `${seen.alert} cannot be evaluated: ${seen.rule.error ?? 'Prometheus does not say why'}`
  return `Prometheus did not evaluate ${seen.alert} within ${seconds(withinMs)}`
}

function neverTrue(seen: Observation, withinMs: number): string {
  if (seen.rule?.health === 'err') return notEvaluated(seen, withinMs)
  return `${seen.alert} was never true within ${seconds(withinMs)}: ${seen.measured.map(measuredText).join('; ') || 'its expression has no value'}${troubleOf(seen)}`
}

function pendingTooLong(seen: Observation, withinMs: number): string {
  return `${seen.alert} is true but still pending after ${seconds(withinMs)}: its 'for' is ${seconds(seen.rule?.forMs ?? 0)} on the drill's clock`
}

function notDelivered(
  seen: Observation,
  destination: Destination,
  to: readonly Destination[],
  withinMs: number,
): string {
  const refusal = refusalAt(seen, destination)
  if (refusal !== '')
    return `${seen.alert} reached ${destinationText(destination)}, which did not take it${refusal}`
  const elsewhere = misroutedTo(seen, to)
  if (elsewhere.length > 0)
    return `${seen.alert} was routed elsewhere: ${list(elsewhere)} has it, expected ${destinationText(destination)}`
  const quiet =
    seen.silencedAtMs === undefined
      ? seen.inhibitedAtMs === undefined
        ? ''
        : ' (it is inhibited by another alert)'
      : ' (it is silenced)'
  const routed = seen.receivers.length === 0 ? 'to nobody' : `to ${seen.receivers.join(', ')}`
  return `${seen.alert} fired but ${destinationText(destination)} did not have it within ${seconds(withinMs)}: Alertmanager routes it ${routed}${quiet}`
}

/** What a receiver said when it refused: its own, or one that could not be told apart because the credentials were wrong. */
function refusalAt(seen: Observation, { via, address }: Destination): string {
  const refused = seen.received.findLast(
    (each) =>
      each.via === via &&
      (each.address === address || each.address === '?') &&
      each.response.state === 'invalid',
  )
  return refused?.response.state === 'invalid'
    ? `: it answered ${refused.response.status} ${refused.response.reason}`
    : ''
}

function lacking(seen: Observation, content: readonly string[]): string | undefined {
  for (const received of seen.received) {
    const missing = content.find(
      (part) =>
        received.response.state === 'ok' && !received.title.includes(part) && !received.text.includes(part),
    )
    if (missing !== undefined)
      return `what ${destinationText(received)} got does not hold ${JSON.stringify(missing)}`
  }
  return undefined
}

function measuredText({ measured, expected, values }: ComparisonValues): string {
  const short = measured.replaceAll(/\s+/g, ' ').trim()
  return `${short.length > 120 ? `${short.slice(0, 117)}…` : short} is ${values.length === 0 ? 'without a value' : values.map((value) => Number(value.toPrecision(4))).join(', ')}, its rule wants ${expected.replaceAll(/\s+/g, ' ').slice(0, 60)}`
}

function troubleOf(seen: Observation): string {
  return seen.problem === undefined ? '' : ` (${seen.problem})`
}

function list(destinations: readonly Destination[]): string {
  return [...new Set(destinations.map(destinationText))].join(', ')
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(ms < 10_000 ? 1 : 0))} s`
}
