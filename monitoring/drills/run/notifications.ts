import { findNamedAlerts } from '../../receivers/index.ts'
import type { Delivery } from '../../receivers/index.ts'
import { destinationText } from '../observation/observation.ts'
import type { Drill } from '../table/drill.ts'

/** Alerts about alerts: their notifications name other alerts. */
export const metaAlerts: readonly string[] = ['CriticalAlertPersists', 'CriticalAlertUnresolved']

/** All alerts whose notifications belong to a drill. */
export function alertsOfDrill({ alert, inhibits, mayAlsoFire, escalations, mutes = [] }: Drill): string[] {
  const isCritical = escalations.length > 0 || mayAlsoFire.length > 0
  return [alert, ...inhibits, ...mayAlsoFire, ...mutes, ...(isCritical ? metaAlerts : [])]
}

/** The notifications that people got because of a drill, oldest first. */
export function messagesOfDrill(
  drill: Drill,
  received: readonly Delivery[],
  alertNames: readonly string[],
): Delivery[] {
  return received.filter((delivery) => findOwnAlert(drill, delivery, alertNames) !== undefined)
}

/**
 * What fires names its alert first. A resolution may name others of its group first, also those of an earlier
 * drill that this one may cause: then it is about the alert that people were notified of.
 */
function findOwnAlert(drill: Drill, delivery: Delivery, alertNames: readonly string[]): string | undefined {
  const named = findNamedAlerts(delivery, alertNames)
  const own = alertsOfDrill(drill)
  if (delivery.status === 'firing') return own.find((alert) => alert === named[0])
  const notified = new Set([drill.alert, ...drill.escalations.map(({ alert }) => alert)])
  return named.find((alert) => notified.has(alert)) ?? named.find((alert) => own.includes(alert))
}

/** What is expected of the notifications of a drill. */
export interface NotificationPlan {
  drill: Drill
  /** Each alert of Prometheus, with the runbook that its notifications must link. */
  alerts: ReadonlyMap<string, string | undefined>
  /** How long Alertmanager waits before it repeats a notification. */
  repeatMs: number
}

interface Conversation {
  step: number
  status: Delivery['status']
  atMs: number
}

/**
 * What is wrong with the number, the order or the content of the notifications: each receiver gets the alert
 * once, then its escalations in their order, then each resolution once, and nothing else.
 *
 * @returns undefined when nothing is wrong
 */
export function findNotificationProblem(
  messages: readonly Delivery[],
  { drill, alerts, repeatMs }: NotificationPlan,
): string | undefined {
  const steps = [{ alert: drill.alert, to: drill.to }, ...drill.escalations]
  const begun = new Map<string, Conversation>()
  for (const message of messages.filter(({ response }) => response.state === 'ok')) {
    const alert = findOwnAlert(drill, message, [...alerts.keys()]) ?? ''
    const to = destinationText(message)
    const step = steps.findIndex((one) => one.alert === alert && one.to.some((each) => isSame(each, message)))
    const what = `${alert} ${message.status === 'firing' ? 'was delivered' : 'was resolved'} to ${to}`
    const title = JSON.stringify(message.title.slice(0, 100))
    if (step === -1) return `${what}, although no one needs it: ${title}`
    const last = begun.get(`${alert} ${to}`)
    const problem =
      findOrderProblem(message, last, repeatMs) ??
      (steps.some((one, index) => index < step && !hasBegun(one, begun)) ? 'before its cause' : undefined)
    if (problem !== undefined) return `${what} ${problem}: ${title}`
    const missing = findMissingPart(message, alert, alerts.get(alert))
    if (missing !== undefined) return `${what} without ${missing}: ${title}`
    begun.set(`${alert} ${to}`, { step, status: message.status, atMs: message.atMs })
  }
  return undefined
}

function isSame(a: Pick<Delivery, 'via' | 'address'>, b: Pick<Delivery, 'via' | 'address'>): boolean {
  return a.via === b.via && a.address === b.address
}

function hasBegun({ alert, to }: Pick<Drill, 'alert' | 'to'>, begun: ReadonlyMap<string, unknown>): boolean {
  return to.every((destination) => begun.has(`${alert} ${destinationText(destination)}`))
}

function findOrderProblem(
  { status, atMs }: Delivery,
  last: Conversation | undefined,
  repeatMs: number,
): string | undefined {
  if (status === 'resolved') {
    if (last === undefined) return 'before it fired'
    return last.status === 'resolved' ? 'twice' : undefined
  }
  if (last === undefined) return undefined
  if (last.status === 'resolved') return 'again after its resolution'
  return atMs - last.atMs < repeatMs ? `again after ${((atMs - last.atMs) / 1000).toFixed(1)} s` : undefined
}

/** A part that each message must have, and that this one lacks. */
function findMissingPart(
  { status, title, text }: Delivery,
  alert: string,
  runbook: string | undefined,
): string | undefined {
  if (status === 'resolved')
    return new RegExp(`^RESOLVED( after \\d[^:]*: ${alert}|: .*${alert} after \\d)`).test(title)
      ? undefined
      : 'how long it lasted'
  if (!new RegExp(`^[A-Z]+ ${alert}.*: \\S`).test(title)) return 'its severity, its name and its summary'
  if (/<no value>|%!|\{\{/.test(title + text)) return 'the value of a label'
  return runbook === undefined || text.includes(runbook) ? undefined : `the link of its runbook (${runbook})`
}
