import type { Delivery } from '../../receivers/index.ts'
import { deliveredAtMs, wasDelivered } from '../observation/explanations.ts'
import { deliveryHops, followHops, resolutionHops } from '../observation/hops.ts'
import type { HopsResult } from '../observation/hops.ts'
import { destinationText } from '../observation/observation.ts'
import type { Destination, Observation } from '../observation/observation.ts'
import type { Observer } from '../observation/observer.ts'
import type { Drill, DrillContext, DrillEvent, DrillResult, EndFault } from '../table/drill.ts'
import {
  calmHop,
  escalationEndHops,
  escalationHops,
  inhibitionHops,
  limitsFor,
  mutingHops,
  notificationsHop,
  observeDrill,
} from './expectations.ts'
import type { DrillObservations } from './expectations.ts'
import { messagesOfDrill } from './notifications.ts'

/**
 * Injects the fault, follows the alert to its receivers, ends the fault, and follows the resolution. The
 * fault ends whatever the result is.
 */
export async function runDrill(
  drill: Drill,
  context: DrillContext,
  observer: Observer,
  now: () => number,
  reportStep: (step: string) => void,
): Promise<DrillResult> {
  const limits = limitsFor(drill, context)
  reportStep('calm')
  const before = await followHops([calmHop(drill, observer, limits, now)], observer.waitUntil)
  const observations = observeDrill(drill, observer)
  const startedMs = now()
  const messages = (): Delivery[] =>
    messagesOfDrill(
      drill,
      observer.received().filter(({ atMs }) => atMs >= startedMs),
      [...observer.alerts().keys()],
    )
  const toResult = (hops: HopsResult, endedMs: number): DrillResult =>
    drillResult(drill, observations, hops, {
      startedMs,
      endedMs,
      isInterrupted: context.signal.aborted,
      standIn: drill.standIn ?? drill.standInFor?.(context.environment),
      messages: messages(),
    })
  if (before.state === 'failed') return toResult(before, now())
  reportStep('fault')
  const endFault = once(await drill.injectFault(context))
  const seen = (): Observation => observations.main
  const expected = { ...drill, content: [drill.alert] }
  try {
    const delivered = await followHops(
      [
        ...deliveryHops(seen, expected, limits),
        ...inhibitionHops(observations, limits),
        ...mutingHops(observations, limits),
        ...escalationHops(observations, context),
      ],
      observer.waitUntil,
      reportStep,
    )
    await endFault()
    const endedMs = now()
    if (delivered.state === 'failed' || drill.stays !== undefined) return toResult(delivered, endedMs)
    // A repeated notification may come a little early: the times are those of its arrival.
    const repeatMs = context.compress(repeatIntervalMs) - 1000
    const resolution = [
      ...resolutionHops(seen, expected, limits),
      ...escalationEndHops(observations, limits),
      calmHop(drill, observer, limits, now),
      notificationsHop(messages, { drill, alerts: observer.alerts(), repeatMs }),
    ]
    return toResult(await followHops(resolution, observer.waitUntil, reportStep), endedMs)
  } finally {
    await endFault()
    endObservations(observations, observer)
  }
}

function endObservations(
  { main, inhibited, muted, escalations }: DrillObservations,
  { endObservation }: Observer,
): void {
  for (const seen of [main, ...inhibited, ...muted, ...escalations.map((step) => step.seen)])
    endObservation(seen)
}

/** Alertmanager repeats a notification after an hour (P3). */
const repeatIntervalMs = 3_600_000

interface DrillTimes {
  startedMs: number
  endedMs: number
  isInterrupted: boolean
  standIn: string | undefined
  messages: Delivery[]
}

function drillResult(
  drill: Drill,
  observations: DrillObservations,
  hops: HopsResult,
  { startedMs, endedMs, isInterrupted, standIn, messages }: DrillTimes,
): DrillResult {
  const { main, inhibited, escalations } = observations
  const escalatedMs = escalations.flatMap(({ seen, to }) => lastDeliveryMs(seen, to, 'firing') ?? [])
  const lastEscalationMs = escalatedMs.length === 0 ? undefined : Math.max(...escalatedMs)
  return {
    requirement: drill.requirement,
    alert: drill.alert,
    fault: drill.fault,
    ...(standIn !== undefined && { standIn }),
    ...(drill.stays !== undefined && { stays: drill.stays }),
    state: hops.state === 'ok' ? 'passed' : isInterrupted ? 'interrupted' : 'failed',
    ...(hops.state === 'failed' && { hop: hops.hop, why: hops.why }),
    ...secondsBetween('fireSeconds', startedMs, main.firingAtMs),
    ...secondsBetween('deliverSeconds', main.firingAtMs, lastDeliveryMs(main, drill.to, 'firing')),
    ...secondsBetween('escalateSeconds', main.firingAtMs, lastEscalationMs),
    ...secondsBetween('resolveSeconds', endedMs, lastDeliveryMs(main, drill.to, 'resolved')),
    events: listEvents(drill, observations, { startedMs, endedMs, messages }),
    messages,
    deliveredTo: reachedBy(main, drill.to),
    escalatedTo: escalations.flatMap(({ seen, to }) => reachedBy(seen, to)),
    inhibited: inhibited.filter(({ inhibitedAtMs }) => inhibitedAtMs !== undefined).map(({ alert }) => alert),
  }
}

function event(
  hop: DrillEvent['hop'],
  subject: string,
  atMs: number | undefined,
  text: string,
): DrillEvent[] {
  return atMs === undefined ? [] : [{ atMs, hop, subject, text }]
}

/** The way of the alert, by the clock: from its fault to the last message. */
function listEvents(
  { alert, fault }: Drill,
  { main, inhibited, escalations }: DrillObservations,
  { startedMs, endedMs, messages }: Pick<DrillTimes, 'startedMs' | 'endedMs' | 'messages'>,
): DrillEvent[] {
  return [
    ...event('fault', alert, startedMs, fault),
    ...[main, ...escalations.map(({ seen }) => seen)].flatMap((seen) => [
      ...event('pending', seen.alert, seen.trueAtMs, `the rule of ${seen.alert} is true`),
      ...event('firing', seen.alert, seen.beganMs, `${seen.alert} fires`),
      ...event(
        'alertmanager',
        seen.alert,
        seen.inAlertmanagerAtMs,
        `routes ${seen.alert} to ${seen.receivers.join(', ')}`,
      ),
      ...event('resolved', seen.alert, seen.clearedAtMs, `${seen.alert} is resolved`),
    ]),
    ...inhibited.flatMap((seen) =>
      event('inhibition', seen.alert, seen.inhibitedAtMs, `holds ${seen.alert} back`),
    ),
    ...messages.flatMap((message) =>
      event('receiver', destinationText(message), message.atMs, message.title),
    ),
    ...event('fault ends', alert, endedMs, 'the fault ends'),
  ].toSorted((a, b) => a.atMs - b.atMs)
}

function reachedBy(seen: Observation, to: readonly Destination[]): string[] {
  return to.filter((destination) => wasDelivered(seen, destination, 'firing')).map(destinationText)
}

/** When the last receiver was notified. Undefined when one was not. */
function lastDeliveryMs(
  seen: Observation,
  to: readonly Destination[],
  status: Delivery['status'],
): number | undefined {
  const times = to.map((destination) => deliveredAtMs(seen, destination, status))
  const known = times.filter((time) => time !== undefined)
  return known.length < times.length || known.length === 0 ? undefined : Math.max(...known)
}

function secondsBetween(
  key: 'fireSeconds' | 'deliverSeconds' | 'escalateSeconds' | 'resolveSeconds',
  fromMs: number | undefined,
  toMs: number | undefined,
): Partial<DrillResult> {
  return fromMs === undefined || toMs === undefined
    ? {}
    : { [key]: Math.max(0, Number(((toMs - fromMs) / 1000).toFixed(1))) }
}

function once(endFault: EndFault): EndFault {
  let ended: Promise<void> | undefined
  return async () => {
    ended ??= endFault()
    await ended
  }
}
