import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery, Receivers } from '../../receivers/index.ts'
import { findComparisons } from '../compression/promql.ts'
import { queryNow, readGroups, readRules } from './apis.ts'
import type { PrometheusRule } from './apis.ts'
import { addGroups, addRules, concerns, emptyObservation } from './observation.ts'
import type { AlertSelector, ComparisonValues, Observation } from './observation.ts'

export interface Observer {
  /** Starts an observation of an alert. The returned object is updated as the alert progresses. */
  observe: (selector: AlertSelector) => Observation
  /** Ends an observation. It keeps what it has. */
  endObservation: (seen: Observation) => void
  /** The labels of the alerts that fire now. The label `alertname` is their name. */
  firing: () => readonly Readonly<Record<string, string>>[]
  /** Each alert of Prometheus, with the link of its runbook. */
  alerts: () => ReadonlyMap<string, string | undefined>
  /** All deliveries to the receivers. */
  received: () => readonly Delivery[]
  /** Waits for a condition for at most `withinMs`. Returns whether it holds. */
  waitUntil: (condition: () => boolean, withinMs: number) => Promise<boolean>
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

/** Values are only needed to explain a rule that never becomes true. */
const measureEveryMs = 2000

/** Polls Prometheus and Alertmanager, and updates every observation. */
export function startObserver(plan: ObserverPlan): Observer {
  const done = new AbortController()
  const signal = AbortSignal.any([done.signal, plan.signal])
  const observations = new Map<Observation, AlertSelector>()
  let firing: Record<string, string>[] = []
  let alerts = new Map<string, string | undefined>()
  const unsubscribe = plan.receivers.subscribe((delivery) => {
    for (const [seen, selector] of observations)
      if (concerns(delivery, selector)) seen.received.push(delivery)
  })
  const reportRules = (rules: readonly PrometheusRule[]): void => {
    const alerting = rules.filter(({ type }) => type === 'alerting')
    alerts = new Map(alerting.map(({ name, annotations }) => [name, annotations['runbook_url']]))
    firing = alerting.flatMap((rule) =>
      rule.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels),
    )
  }
  const poll = createPoll(plan, observations, reportRules, signal)
  const polling = (async () => {
    while (!signal.aborted) {
      await poll()
      await sleep(plan.everyMs, undefined, { signal }).catch(() => undefined)
    }
  })()
  return {
    observe: (selector) => {
      const seen = emptyObservation(selector.alert)
      if (selector.fromTheStart) {
        seen.sinceTheStart = true
        seen.received.push(...plan.receivers.received().filter((delivery) => concerns(delivery, selector)))
      }
      observations.set(seen, selector)
      return seen
    },
    endObservation: (seen) => void observations.delete(seen),
    firing: () => firing,
    alerts: () => alerts,
    received: plan.receivers.received,
    waitUntil: async (condition, withinMs) => {
      const deadline = performance.now() + withinMs
      while (!condition() && performance.now() < deadline && !signal.aborted)
        await sleep(Math.min(50, plan.everyMs), undefined, { signal }).catch(() => undefined)
      return condition()
    },
    stop: async () => {
      done.abort()
      unsubscribe()
      await polling
    },
  }
}

/** One poll reports the rules and updates all observations. */
function createPoll(
  plan: ObserverPlan,
  observations: ReadonlyMap<Observation, AlertSelector>,
  reportRules: (rules: readonly PrometheusRule[]) => void,
  signal: AbortSignal,
): () => Promise<void> {
  const measuredAtMs = new WeakMap<Observation, number>()
  return async () => {
    const [rules, groups] = await Promise.all([
      readRules(plan.prometheusUrl, signal),
      readGroups(plan.alertmanagerUrl, signal),
    ])
    const nowMs = plan.now()
    if (rules.state === 'ok') reportRules(rules.value)
    for (const [seen, selector] of observations) {
      if (rules.state === 'ok') {
        const own = rules.value.filter(({ name, type }) => type === 'alerting' && name === seen.alert)
        addRules(seen, own, selector, nowMs)
      } else seen.problem = rules.reason
      if (groups.state === 'ok') addGroups(seen, groups.value, selector, nowMs)
      else seen.problem = groups.reason
      const lastMs = measuredAtMs.get(seen) ?? 0
      if (seen.trueAtMs === undefined && seen.rule && nowMs - lastMs > measureEveryMs) {
        measuredAtMs.set(seen, nowMs)
        seen.measured = await measureComparisons(plan.prometheusUrl, seen.rule.expression, signal)
      }
    }
  }
}

async function measureComparisons(
  url: string,
  expression: string,
  signal: AbortSignal,
): Promise<ComparisonValues[]> {
  const measured: ComparisonValues[] = []
  for (const comparison of findComparisons(expression).slice(0, 4)) {
    const values = await queryNow(url, comparison.measured, signal)
    measured.push({ ...comparison, values: values.map(({ value }) => value).slice(0, 5) })
  }
  return measured
}
