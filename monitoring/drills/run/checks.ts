import { setTimeout as sleep } from 'node:timers/promises'
import { findNamedAlerts } from '../../receivers/index.ts'
import type { Delivery } from '../../receivers/index.ts'
import type { DrillEnvironment } from '../environment/environment.ts'
import { queryNow, readRules, readTargets } from '../observation/apis.ts'
import type { ReadResult, PrometheusRule } from '../observation/apis.ts'
import { destinationText } from '../observation/observation.ts'
import type { Observer } from '../observation/observer.ts'
import { expectedAlerts } from '../table/drills.ts'

const maxWaitMs = 40_000

/** Waits until rules are evaluated, targets are scraped, and no alert fires. Returns why not after 40 s. */
export async function waitUntilReady(
  environment: DrillEnvironment,
  observer: Observer,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deadline = performance.now() + maxWaitMs
  let problem: string | undefined = 'Prometheus has no rules'
  while (performance.now() < deadline && !signal.aborted) {
    const [rules, targets] = await Promise.all([
      readRules(environment.urls.prometheus, signal),
      readTargets(environment.urls.prometheus, signal),
    ])
    const early = observer
      .firing()
      .map((labels) => labels['alertname'] ?? '')
      .filter((alert) => !expectedAlerts.includes(alert))
    problem = findReadinessProblem(rules, targets, early)
    if (problem === undefined) return undefined
    await sleep(200, undefined, { signal }).catch(() => undefined)
  }
  return signal.aborted ? 'interrupted' : problem
}

function findReadinessProblem(
  rules: ReadResult<PrometheusRule[]>,
  targets: Awaited<ReturnType<typeof readTargets>>,
  early: readonly string[],
): string | undefined {
  if (rules.state === 'unavailable') return rules.reason
  const idle = rules.value.filter(({ lastEvaluation }) => !(Date.parse(lastEvaluation) > 0))
  if (idle.length > 0) {
    const names = idle.slice(0, 3).map(({ name }) => name)
    return `Prometheus does not evaluate its rules: ${names.join(', ')}`
  }
  const down = targets.filter(({ health }) => health !== 'up')
  if (down.length > 0)
    return `Prometheus cannot scrape ${down.map(({ job, error }) => `${job} (${error})`).join(', ')}`
  if (early.length > 0) return `${early.join(', ')} fires before any fault`
  if (rules.value.length === 0) return 'Prometheus has no rules'
  return targets.length > 1 ? undefined : 'Prometheus has no targets'
}

/** Some scrapes fail until the targets are up. */
const toleratedScrapes = 10

/**
 * No drill makes scrapes fail, except those of the service. Failed scrapes mean that the machine is too slow
 * for this clock: series have gaps and pending alerts start again, so lost alerts say nothing about the
 * configuration.
 */
export async function findScrapeProblem(
  { urls }: DrillEnvironment,
  speed: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const failed = await queryNow(
    urls.prometheus,
    'sum(count_over_time(up{job!="todo-backend"}[10m]) - sum_over_time(up{job!="todo-backend"}[10m]))',
    signal,
  )
  const count = failed[0]?.value ?? 0
  if (count < toleratedScrapes) return undefined
  return (
    `this machine is too slow for a clock ${speed} times as fast (${count} scrapes timed out): ` +
    `run with --speed ${Math.ceil(speed / 2)}, or when the machine is idle`
  )
}

/** When notifications of some alerts are expected: from the fault of their drill until its end. */
export interface AllowedSpan {
  alerts: readonly string[]
  fromMs: number
  toMs: number
}

/**
 * Notifications about alerts that no drill had caused when they came. A notification about several alerts is
 * expected
 * when one of them is.
 *
 * @param alerts the names of all alerts
 * @param graceMs how long notifications may arrive after the end of a drill
 */
export function findUnexpected(
  received: readonly Delivery[],
  alerts: readonly string[],
  allowed: readonly AllowedSpan[],
  graceMs: number,
): string[] {
  const lines = new Set<string>()
  for (const delivery of received) {
    if (delivery.response.state === 'invalid') continue
    const { title, atMs } = delivery
    const named = findNamedAlerts(delivery, alerts)
    const isExpected = named.some((alert) =>
      allowed.some(
        (span) => span.alerts.includes(alert) && atMs >= span.fromMs && atMs <= span.toMs + graceMs,
      ),
    )
    if (isExpected || delivery.status !== 'firing') continue
    const about = named.join(', ') || JSON.stringify(title.slice(0, 60))
    lines.add(
      `${about} was delivered to ${destinationText(delivery)} although no drill caused it: ` +
        JSON.stringify(title.slice(0, 120)),
    )
  }
  return [...lines]
}
