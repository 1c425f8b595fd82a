import type { Delivery } from '../../receivers/index.ts'
import { deliveredAtMs, wasDelivered } from '../observation/explanations.ts'
import { deliveryHops, followHops, resolutionHops } from '../observation/hops.ts'
import type { HopsResult } from '../observation/hops.ts'
import { destinationText } from '../observation/observation.ts'
import type { Destination, Observation } from '../observation/observation.ts'
import type { Observer } from '../observation/observer.ts'
import type { Drill, DrillContext, DrillResult, EndFault } from '../table/drill.ts'
import {
  calmHop,
  escalationHops,
  inhibitionHops,
  limitsFor,
  mutingHops,
  observeDrill,
} from './expectations.ts'
import type { DrillObservations } from './expectations.ts'

/**
 * Injects the fault, follows the alert to its receivers, ends the fault, and follows the resolution. The
 * fault ends
 * whatever the result is.
 */
export async function runDrill(
  drill: Drill,
  context: DrillContext,
  observer: Observer,
  now: () => number,
  reportStep: (step: string) => void,
): Promise<DrillResult> {
  const limits = limitsFor(drill, context)
  const standIn = drill.standIn ?? drill.standInFor?.(context.environment)
  const calm = (): ReturnType<typeof calmHop> => calmHop(drill, observer, limits, now)
  reportStep('calm')
  const before = await followHops([calm()], observer.waitUntil)
  const observations = observeDrill(drill, observer)
  const toResult = (hops: HopsResult, startedMs: number, endedMs: number): DrillResult =>
    drillResult(drill, observations, hops, {
      startedMs,
      endedMs,
      isInterrupted: context.signal.aborted,
      standIn,
    })
  if (before.state === 'failed') return toResult(before, now(), now())
  reportStep('fault')
  const startedMs = now()
  const endFault = once(await drill.injectFault(context))
  try {
    const seen = (): Observation => observations.main
    const expected = { alert: drill.alert, to: drill.to, content: [drill.alert] }
    const delivery = [
      ...deliveryHops(seen, expected, limits),
      ...inhibitionHops(observations, limits),
      ...mutingHops(observations, limits),
      ...escalationHops(observations, context),
    ]
    const delivered = await followHops(delivery, observer.waitUntil, reportStep)
    await endFault()
    const endedMs = now()
    if (delivered.state === 'failed' || drill.stays !== undefined)
      return toResult(delivered, startedMs, endedMs)
    const resolution = [...resolutionHops(seen, expected, limits), calm()]
    return toResult(await followHops(resolution, observer.waitUntil, reportStep), startedMs, endedMs)
  } finally {
    await endFault()
    const { main, inhibited, muted, escalations } = observations
    for (const seen of [main, ...inhibited, ...muted, ...escalations.map((step) => step.seen)])
      observer.endObservation(seen)
  }
}

interface DrillTimes {
  startedMs: number
  endedMs: number
  isInterrupted: boolean
  standIn: string | undefined
}

function drillResult(
  drill: Drill,
  { main, inhibited, escalations }: DrillObservations,
  hops: HopsResult,
  { startedMs, endedMs, isInterrupted, standIn }: DrillTimes,
): DrillResult {
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
    deliveredTo: reachedBy(main, drill.to),
    escalatedTo: escalations.flatMap(({ seen, to }) => reachedBy(seen, to)),
    inhibited: inhibited.filter(({ inhibitedAtMs }) => inhibitedAtMs !== undefined).map(({ alert }) => alert),
  }
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
