import type { Hop, Limits } from '../observation/hops.ts'
import { wasDelivered } from '../observation/explanations.ts'
import { destinationText } from '../observation/observation.ts'
import type { Destination, Observation } from '../observation/observation.ts'
import type { Observer } from '../observation/observer.ts'
import type { Drill, DrillContext } from '../table/drill.ts'
import { findNotificationProblem, metaAlerts } from './notifications.ts'
import type { NotificationPlan } from './notifications.ts'
import type { Delivery } from '../../receivers/index.ts'

/** Default limits on production's clock. */
const defaultLimits: Limits = {
  trueMs: 12 * 60_000,
  firesMs: 11 * 60_000,
  deliverMs: 3 * 60_000,
  clearMs: 20 * 60_000,
}
/** Additional time for the machine, which does not depend on the clock. */
const machineMs: Limits = { trueMs: 12_000, firesMs: 5000, deliverMs: 8000, clearMs: 15_000 }

export function limitsFor({ limits, slack }: Drill, { compress }: DrillContext): Limits {
  const limit = (key: keyof Limits): number =>
    compress(limits?.[key] ?? defaultLimits[key]) + (slack?.[key] ?? 0) + machineMs[key]
  return {
    trueMs: limit('trueMs'),
    firesMs: limit('firesMs'),
    deliverMs: limit('deliverMs'),
    clearMs: limit('clearMs'),
  }
}

/** The observations of a drill. */
export interface DrillObservations {
  main: Observation
  inhibited: Observation[]
  muted: Observation[]
  escalations: { to: readonly Destination[]; afterMs: number; seen: Observation }[]
}

export function observeDrill(drill: Drill, observer: Observer): DrillObservations {
  const { alert, inhibits, mutes = [], escalations, stays } = drill
  const observe = (other: string): Observation => observer.observe({ alert: other, notAbout: metaAlerts })
  return {
    // An alert that stays may have fired before: the accounts of the environment's traffic registered, too.
    main: observer.observe({ alert, notAbout: metaAlerts, fromTheStart: stays !== undefined }),
    inhibited: inhibits.map(observe),
    muted: mutes.map(observe),
    escalations: escalations.map((step) => ({
      ...step,
      seen: observer.observe({ alert: step.alert, labels: { unresolved: alert }, alsoAbout: alert }),
    })),
  }
}

/** Alertmanager waits for more alerts of a group, and the observer polls five times a second. */
const settledMs = 1500

/**
 * Before a fault and after it, no alert fires that it causes, and no resolved notification is due. Otherwise
 * the next
 * drill would count the notifications of this one.
 */
export function calmHop(drill: Drill, observer: Observer, limits: Limits, now: () => number): Hop {
  const caused = new Set([drill.alert, ...drill.inhibits, ...(drill.mutes ?? []), ...drill.mayAlsoFire])
  const stillFiring = (): string[] =>
    drill.stays === undefined
      ? observer
          .firing()
          .filter(
            ({ alertname = '', unresolved = '' }) =>
              caused.has(alertname) || (metaAlerts.includes(alertname) && caused.has(unresolved)),
          )
          .map(({ alertname = '' }) => alertname)
      : []
  let calmSinceMs: number | undefined
  const isReached = (): boolean => {
    calmSinceMs = stillFiring().length > 0 ? undefined : (calmSinceMs ?? now())
    return calmSinceMs !== undefined && (drill.stays !== undefined || now() - calmSinceMs >= settledMs)
  }
  return {
    name: 'calm',
    withinMs: limits.clearMs,
    isReached,
    why: () => `${[...new Set(stillFiring())].join(', ')} fires without a fault`,
  }
}

/** Notifications may already be on their way when Alertmanager is first seen to inhibit an alert. */
const inhibitionGraceMs = 2000

/** An inhibited alert is true, and from its inhibition on no receiver is notified. */
export function inhibitionHops({ main, inhibited }: DrillObservations, limits: Limits): Hop[] {
  return inhibited.flatMap((seen): Hop[] => [
    {
      name: 'inhibition',
      withinMs: limits.firesMs,
      isReached: () => seen.inhibitedAtMs !== undefined,
      why: () => {
        const found =
          seen.firingAtMs === undefined ? 'it does not fire itself' : 'Alertmanager does not inhibit it'
        return `${seen.alert} must be inhibited while ${main.alert} fires: ${found}`
      },
    },
    {
      name: 'inhibition',
      withinMs: 0,
      isReached: () => deliveredDespiteInhibition(seen).length === 0,
      why: () =>
        `${seen.alert} was delivered to ${deliveredDespiteInhibition(seen).join(', ')} ` +
        `although ${main.alert} fires, which must inhibit it`,
    },
  ])
}

/** An alert that became true before the one that inhibits it may have been delivered, but only until then. */
function deliveredDespiteInhibition({ received, inhibitedAtMs = Infinity }: Observation): string[] {
  const late = received.filter(
    ({ status, response, atMs }) =>
      status === 'firing' && response.state === 'ok' && atMs > inhibitedAtMs + inhibitionGraceMs,
  )
  return [...new Set(late.map(destinationText))]
}

/** In a maintenance window the alert fires, is muted, and reaches no receiver. */
export function mutingHops({ muted }: DrillObservations, limits: Limits): Hop[] {
  return muted.flatMap((seen): Hop[] => [
    {
      name: 'muting',
      withinMs: limits.trueMs + limits.firesMs,
      isReached: () => seen.firingAtMs !== undefined,
      why: () => `${seen.alert} does not fire in the maintenance window, so its muting cannot be checked`,
    },
    {
      name: 'muting',
      withinMs: limits.deliverMs,
      isReached: () => seen.inhibitedAtMs !== undefined || seen.silencedAtMs !== undefined,
      why: () => `${seen.alert} fires in the maintenance window and is not muted`,
    },
    {
      name: 'muting',
      withinMs: 0,
      isReached: () => !seen.received.some(({ response }) => response.state === 'ok'),
      why: () => {
        const to = [...new Set(seen.received.map(destinationText))].join(', ')
        return `${seen.alert} was delivered to ${to} in the maintenance window`
      },
    },
  ])
}

export function escalationHops({ main, escalations }: DrillObservations, { compress }: DrillContext): Hop[] {
  return escalations.flatMap(({ seen, to, afterMs }): Hop[] => {
    const withinMs = compress(afterMs) + machineMs.firesMs + machineMs.deliverMs
    return [
      {
        name: 'escalation',
        withinMs,
        isReached: () => seen.firingAtMs !== undefined,
        why: () =>
          `${seen.alert} did not fire within ${Math.round(withinMs / 1000)} s although ${main.alert} stays`,
      },
      ...to.map((destination): Hop => ({
        name: 'escalation',
        withinMs: machineMs.deliverMs,
        isReached: () => wasDelivered(seen, destination, 'firing'),
        why: () =>
          `${seen.alert} fires for ${main.alert}, but ${destinationText(destination)} was not notified`,
      })),
    ]
  })
}

/** The escalation ends with its alert: each receiver learns it. */
export function escalationEndHops({ escalations }: DrillObservations, limits: Limits): Hop[] {
  return escalations.flatMap(({ seen, to }): Hop[] => [
    {
      name: 'resolve',
      withinMs: limits.clearMs,
      isReached: () => seen.clearedAtMs !== undefined,
      why: () => `${seen.alert} still fires although its alert is resolved`,
    },
    ...to.map((destination): Hop => ({
      name: 'resolved notice',
      withinMs: limits.deliverMs,
      isReached: () => wasDelivered(seen, destination, 'resolved'),
      why: () => `${seen.alert} is resolved, but ${destinationText(destination)} was not notified`,
    })),
  ])
}

/** At the end: no one got a message that the fault is not worth, twice, or in another order. */
export function notificationsHop(messages: () => readonly Delivery[], plan: NotificationPlan): Hop {
  return {
    name: 'notifications',
    withinMs: 0,
    isReached: () => findNotificationProblem(messages(), plan) === undefined,
    why: () => findNotificationProblem(messages(), plan) ?? '',
  }
}
