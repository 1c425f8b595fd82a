import type { Delivery } from '../../receivers/index.ts'
import { destinationText } from './observation.ts'
import type { ComparisonValues, Destination, Observation } from './observation.ts'

/** Receivers that accepted the alert although it was not meant for them. */
export function misroutedTo(seen: Observation, to: readonly Destination[]): Destination[] {
  return seen.received.filter(
    ({ response, via, address }) =>
      response.state === 'ok' && !to.some((each) => each.via === via && each.address === address),
  )
}

export function wasDelivered(
  seen: Observation,
  destination: Destination,
  status: Delivery['status'],
): boolean {
  return deliveredAtMs(seen, destination, status) !== undefined
}

/** Prometheus counts from the evaluation that it had scheduled. */
const roundingMs = 500

/** When a receiver first got the notification of this firing or of this resolution, not of an earlier one. */
export function deliveredAtMs(
  seen: Observation,
  destination: Destination,
  status: Delivery['status'],
): number | undefined {
  const beganMs = seen.sinceTheStart ? 0 : (seen.beganMs ?? Infinity) - roundingMs
  const sinceMs = status === 'firing' ? beganMs : (deliveredAtMs(seen, destination, 'firing') ?? Infinity)
  return seen.received.find(
    (delivery) =>
      delivery.via === destination.via &&
      delivery.address === destination.address &&
      delivery.status === status &&
      delivery.response.state === 'ok' &&
      delivery.atMs >= sinceMs,
  )?.atMs
}

export function explainMissingEvaluation(seen: Observation, withinMs: number): string {
  if (seen.problem !== undefined && !seen.rule) return seen.problem
  if (!seen.rule) return `Prometheus has no rule named ${seen.alert}`
  if (seen.rule.health === 'err')
    return `${seen.alert} cannot be evaluated: ${seen.rule.error ?? 'Prometheus gives no reason'}`
  return `Prometheus did not evaluate ${seen.alert} within ${secondsText(withinMs)}`
}

export function explainNeverTrue(seen: Observation, withinMs: number): string {
  if (seen.rule?.health === 'err') return explainMissingEvaluation(seen, withinMs)
  const values = seen.measured.map(valuesText).join('; ') || 'its expression has no value'
  return `${seen.alert} was never true within ${secondsText(withinMs)}: ${values}${problemText(seen)}`
}

export function explainPending(seen: Observation, withinMs: number): string {
  return (
    `${seen.alert} is true but still pending after ${secondsText(withinMs)}: ` +
    `its 'for' is ${secondsText(seen.rule?.forMs ?? 0)} on the drill's clock`
  )
}

export function explainMissingDelivery(
  seen: Observation,
  destination: Destination,
  to: readonly Destination[],
  withinMs: number,
): string {
  const name = destinationText(destination)
  const rejection = rejectionText(seen, destination)
  if (rejection !== '') return `${seen.alert} reached ${name}, which rejected it${rejection}`
  const misrouted = misroutedTo(seen, to)
  if (misrouted.length > 0)
    return `${seen.alert} was routed to the wrong receiver: ${list(misrouted)} has it, expected ${name}`
  const inhibited = seen.inhibitedAtMs === undefined ? '' : ' (it is inhibited by another alert)'
  const quiet = seen.silencedAtMs === undefined ? inhibited : ' (it is silenced)'
  const routed = seen.receivers.length === 0 ? 'no receiver' : seen.receivers.join(', ')
  return (
    `${seen.alert} fired but ${name} did not get it within ${secondsText(withinMs)}: ` +
    `Alertmanager routes it to ${routed}${quiet}`
  )
}

/**
 * The response of a receiver that rejected the alert. Wrong credentials do not say which receiver was meant
 * (`?`).
 */
export function rejectionText(seen: Observation, { via, address }: Destination): string {
  const rejected = seen.received.findLast(
    (each) =>
      each.via === via &&
      (each.address === address || each.address === '?') &&
      each.response.state === 'invalid',
  )
  return rejected?.response.state === 'invalid'
    ? `: it responded ${rejected.response.status} ${rejected.response.reason}`
    : ''
}

export function findMissingContent(seen: Observation, content: readonly string[]): string | undefined {
  for (const delivery of seen.received) {
    const missing = content.find(
      (part) =>
        delivery.response.state === 'ok' && !delivery.title.includes(part) && !delivery.text.includes(part),
    )
    if (missing !== undefined)
      return `the notification to ${destinationText(delivery)} does not contain ${JSON.stringify(missing)}`
  }
  return undefined
}

function valuesText({ measured, expected, values }: ComparisonValues): string {
  const short = measured.replaceAll(/\s+/g, ' ').trim()
  const shortened = short.length > 120 ? `${short.slice(0, 117)}…` : short
  const found =
    values.length === 0
      ? 'has no value'
      : `is ${values.map((value) => Number(value.toPrecision(4))).join(', ')}`
  return `${shortened} ${found}, its rule expects ${expected.replaceAll(/\s+/g, ' ').slice(0, 60)}`
}

export function problemText(seen: Observation): string {
  return seen.problem === undefined ? '' : ` (${seen.problem})`
}

export function list(destinations: readonly Destination[]): string {
  return [...new Set(destinations.map(destinationText))].join(', ')
}

export function secondsText(ms: number): string {
  return `${Number((ms / 1000).toFixed(ms < 10_000 ? 1 : 0))} s`
}
