import type { Delivery, Via } from '../../receivers/index.ts'
import type { AlertGroup, PrometheusRule } from './apis.ts'

/** The channel and the address of a receiver, such as `pagerduty devops`. */
export type Destination = Pick<Delivery, 'address'> & { via: Via }

export function destinationText({ via, address }: Destination): string {
  return `${via} ${address}`
}

/** One comparison of a rule with the values that it last had. Without a comparison the list is empty. */
export interface ComparisonValues {
  measured: string
  expected: string
  values: number[]
}

/** Which alert to observe: a name, and labels where the name has several instances. */
export interface AlertSelector {
  alert: string
  labels?: Readonly<Record<string, string>>
  /** A second word that its notifications contain. An SMS has room for the first instance only. */
  alsoAbout?: string
  /** Alerts whose notifications mention this one without being about it. */
  notAbout?: readonly string[]
  /** Count notifications from before the observation, too. */
  fromTheStart?: boolean
}

/**
 * The progress of an alert during an observation. Times are of the wall clock; an absent time was not
 * observed.
 */
export interface Observation {
  alert: string
  /** The rule in Prometheus. Absent when Prometheus has no such rule or was not reached. */
  rule?: { expression: string; forMs: number; health: string; error?: string }
  /** Whether notifications from before the observation count. */
  sinceTheStart?: boolean
  /** Evaluations during the observation. None at all means that Prometheus does not evaluate. */
  evaluations: number
  /** Why the last request to Prometheus or Alertmanager failed. */
  problem?: string
  /** Values of the rule's comparisons until the alert fires. */
  measured: ComparisonValues[]
  trueAtMs?: number
  /** When Prometheus says that the alert began to fire. We only poll, and see it later. */
  beganMs?: number
  firingAtMs?: number
  clearedAtMs?: number
  inAlertmanagerAtMs?: number
  /** Labels by which Alertmanager groups the alert. */
  groupedBy: string[]
  /** Names of the receivers that Alertmanager routes the alert to. */
  receivers: string[]
  /** When Alertmanager was first seen to inhibit or silence the alert. */
  inhibitedAtMs?: number
  silencedAtMs?: number
  received: Delivery[]
}

export function emptyObservation(alert: string): Observation {
  return { alert, evaluations: 0, measured: [], groupedBy: [], receivers: [], received: [] }
}

/** Whether a notification is about an alert: it contains the alert's name as a word. */
export function isAbout(delivery: Pick<Delivery, 'title' | 'text'>, alert: string): boolean {
  return containsWord(delivery.title, alert) || containsWord(delivery.text, alert)
}

/** A rejected login does not say what it would have delivered, so it concerns every observation. */
export function concerns(delivery: Delivery, { alert, alsoAbout, notAbout = [] }: AlertSelector): boolean {
  if (delivery.response.state === 'invalid' && delivery.text === '') return true
  return (
    isAbout(delivery, alert) &&
    !notAbout.some((other) => isAbout(delivery, other)) &&
    (alsoAbout === undefined || delivery.via === 'sms' || isAbout(delivery, alsoAbout))
  )
}

function containsWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
    if (!isLetter(text.charAt(at - 1)) && !isLetter(text.charAt(at + word.length))) return true
  }
  return false
}

function isLetter(character: string): boolean {
  return /[\p{L}\p{N}_]/u.test(character)
}

const lastEvaluations = new WeakMap<Observation, string>()

/** Adds the state of the alert's rules. Several rules may have one name, each for a part of it. */
export function addRules(
  seen: Observation,
  rules: readonly PrometheusRule[],
  selector: AlertSelector,
  nowMs: number,
): void {
  const [rule] = rules
  if (rule === undefined) return
  seen.rule = {
    expression: rule.query,
    forMs: rule.duration * 1000,
    health: rule.health,
    ...(rule.lastError !== undefined && { error: rule.lastError }),
  }
  if (rule.lastEvaluation !== lastEvaluations.get(seen)) seen.evaluations += 1
  lastEvaluations.set(seen, rule.lastEvaluation)
  const alerts = rules
    .flatMap((each) => each.alerts)
    .filter(({ labels }) => hasLabels(labels, selector.labels))
  if (alerts.length > 0) seen.trueAtMs ??= nowMs
  const firing = alerts.filter(({ state }) => state === 'firing')
  if (firing.length > 0) {
    seen.firingAtMs ??= nowMs
    seen.beganMs ??= Math.min(...firing.map(({ activeAt }) => Date.parse(activeAt))) + rule.duration * 1000
    delete seen.clearedAtMs
  } else if (seen.firingAtMs !== undefined) seen.clearedAtMs ??= nowMs
}

/** Adds what Alertmanager does with the alert: groups, receivers, inhibition, silences. */
export function addGroups(
  seen: Observation,
  groups: readonly AlertGroup[],
  selector: AlertSelector,
  nowMs: number,
): void {
  for (const group of groups) {
    const alerts = group.alerts.filter(
      ({ labels }) => labels['alertname'] === seen.alert && hasLabels(labels, selector.labels),
    )
    if (alerts.length === 0) continue
    seen.inAlertmanagerAtMs ??= nowMs
    seen.groupedBy = Object.keys(group.labels).toSorted()
    if (!seen.receivers.includes(group.receiver.name)) seen.receivers.push(group.receiver.name)
    if (alerts.some(({ status }) => (status.inhibitedBy ?? []).length > 0)) seen.inhibitedAtMs ??= nowMs
    if (alerts.some(({ status }) => (status.silencedBy ?? []).length > 0)) seen.silencedAtMs ??= nowMs
  }
}

function hasLabels(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>> = {},
): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value)
}
