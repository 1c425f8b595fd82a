import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery, Receivers } from '../../receivers/index.ts'
import { readGroups } from './alertmanager.ts'
import type { AlertGroup } from './alertmanager.ts'
import { isAbout, emptyObservation } from './observation.ts'
import type { AlertSelector, ComparisonValues, Observation } from './observation.ts'
import { queryNow, readRules } from './prometheus.ts'
import type { PrometheusRule } from './prometheus.ts'
import { findComparisons } from '../compression/comparisons.ts'

export interface Observer {
  /** Begins an observation of an alert; what is returned keeps up with what becomes of it. */
  observe: (followed: AlertSelector) => Observation
  /** Ends an observation; what was seen stays as it is. */
  endObservation: (seen: Observation) => void
  /** Alerts that fire now, by their labels; `alertname` is their name. */
  firing: () => readonly Readonly<Record<string, string>>[]
  /** Everything received since the watch began. */
  received: () => readonly Delivery[]
  /** Settles when `isSo` holds, at the latest after `withinMs`; tells whether it does. */
  waitUntil: (isSo: () => boolean, withinMs: number) => Promise<boolean>
  stop: () => Promise<void>
}

export interface ObserverPlan {
  prometheusUrl: string
  alertmanagerUrl: string
  receivers: Pick<Receivers, 'received' | 'subscribe'>
  everyMs: number
  /** Wall clock. */
  now: () => number
  signal: AbortSignal
}

/** Looks at Prometheus and Alertmanager again and again, and keeps what each followed alert has come to. */
export function startObserver(plan: ObserverPlan): Observer {
  const done = new AbortController()
  const signal = AbortSignal.any([done.signal, plan.signal])
  const observations = new Map<Observation, AlertSelector>()
  const measuredAt = new WeakMap<Observation, number>()
  let firing: Record<string, string>[] = []
  const unsubscribe = plan.receivers.subscribe((received) => {
    for (const [seen, followed] of observations)
      if (concerns(received, followed)) seen.received.push(received)
  })
  const look = async (): Promise<void> => {
    const [rules, groups] = await Promise.all([
      readRules(plan.prometheusUrl, signal),
      readGroups(plan.alertmanagerUrl, signal),
    ])
    const nowMs = plan.now()
    if (rules.state === 'read')
      firing = rules.rules.flatMap(({ alerts }) =>
        alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels),
      )
    for (const [seen, followed] of observations) {
      if (rules.state === 'read')
        noteRule(
          seen,
          rules.rules.filter(({ name, type }) => type === 'alerting' && name === seen.alert),
          followed,
          nowMs,
        )
      else seen.problem = rules.reason
      if (groups.state === 'read') noteGroups(seen, groups.groups, followed, nowMs)
      else seen.problem = groups.reason
      if (seen.trueAtMs === undefined && seen.rule && nowMs - (measuredAt.get(seen) ?? 0) > measureEveryMs) {
        measuredAt.set(seen, nowMs)
        seen.measured = await measure(plan.prometheusUrl, seen.rule.expression, signal)
      }
    }
  }
  const looking = (async () => {
    while (!signal.aborted) {
      await look()
      await sleep(plan.everyMs, undefined, { signal }).catch(() => undefined)
    }
  })()
  return {
    observe: (followed) => {
      const seen = emptyObservation(followed.alert)
      if (followed.fromTheStart) seen.sinceTheStart = true
      if (followed.fromTheStart)
        seen.received.push(...plan.receivers.received().filter((received) => concerns(received, followed)))
      observations.set(seen, followed)
      return seen
    },
    endObservation: (seen) => void observations.delete(seen),
    firing: () => firing,
    received: plan.receivers.received,
    waitUntil: async (isSo, withinMs) => {
      const deadline = performance.now() + withinMs
      while (!isSo() && performance.now() < deadline && !signal.aborted)
        await sleep(Math.min(50, plan.everyMs), undefined, { signal }).catch(() => undefined)
      return isSo()
    },
    stop: async () => {
      done.abort()
      unsubscribe()
      await looking
    },
  }
}

// A login that was refused says nothing of what would have been delivered: it concerns whoever waits.
function concerns(received: Delivery, { alert, alsoAbout, notAbout = [] }: AlertSelector): boolean {
  if (received.response.state === 'invalid' && received.text === '') return true
  return (
    isAbout(received, alert) &&
    !notAbout.some((other) => isAbout(received, other)) &&
    (alsoAbout === undefined || received.via === 'sms' || isAbout(received, alsoAbout))
  )
}

function has(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>> = {},
): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value)
}

/** Only for the message of a rule that never becomes true. */
const measureEveryMs = 2000

const lastEvaluations = new WeakMap<Observation, string>()

function noteRule(
  seen: Observation,
  rules: readonly PrometheusRule[],
  followed: AlertSelector,
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
  // Several rules may carry one name, each for a part of it.
  const alerts = rules.flatMap((each) => each.alerts).filter(({ labels }) => has(labels, followed.labels))
  if (alerts.length > 0) seen.trueAtMs ??= nowMs
  const firing = alerts.filter(({ state }) => state === 'firing')
  if (firing.length > 0) {
    seen.firingAtMs ??= nowMs
    seen.beganMs ??= Math.min(...firing.map(({ activeAt }) => Date.parse(activeAt))) + rule.duration * 1000
    delete seen.clearedAtMs
  } else if (seen.firingAtMs !== undefined) seen.clearedAtMs ??= nowMs
}

function noteGroups(
  seen: Observation,
  groups: readonly AlertGroup[],
  followed: AlertSelector,
  nowMs: number,
): void {
  for (const group of groups) {
    const alerts = group.alerts.filter(
      ({ labels }) => labels['alertname'] === seen.alert && has(labels, followed.labels),
    )
    if (alerts.length === 0) continue
    seen.inAlertmanagerAtMs ??= nowMs
    seen.groupedBy = Object.keys(group.labels).toSorted()
    if (!seen.receivers.includes(group.receiver.name)) seen.receivers.push(group.receiver.name)
    if (alerts.some(({ status }) => (status.inhibitedBy ?? []).length > 0)) seen.inhibitedAtMs ??= nowMs
    if (alerts.some(({ status }) => (status.silencedBy ?? []).length > 0)) seen.silencedAtMs ??= nowMs
  }
}

async function measure(url: string, expression: string, signal: AbortSignal): Promise<ComparisonValues[]> {
  const measured: ComparisonValues[] = []
  for (const comparison of findComparisons(expression).slice(0, 4)) {
    const values = await queryNow(url, comparison.measured, signal)
    measured.push({ ...comparison, values: values.map(({ value }) => value).slice(0, 5) })
  }
  return measured
}
