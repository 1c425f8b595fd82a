import { setTimeout as sleep } from 'node:timers/promises'
import { queryNow, readRules, readTargets } from '../observation/prometheus.ts'
import { startObserver } from '../observation/observer.ts'
import type { Observer } from '../observation/observer.ts'
import { startTraffic } from '../environment/traffic.ts'
import type { Traffic } from '../environment/traffic.ts'
import type { DrillEnvironment } from '../environment/environment.ts'
import { expectedAlerts, permanentFaults } from '../table/drills.ts'
import { pushGauges } from '../table/window.ts'
import type { Drill, DrillResult, DrillContext } from '../table/drill.ts'
import { runAtOnce } from './schedule.ts'
import { runDrill } from './run-drill.ts'
import { findUnexpected } from './unexpected.ts'
import type { AllowedSpan } from './unexpected.ts'

/** What a set of drills came to. `unexpected`: notifications that nobody should have had. */
export interface DrillsReport {
  results: DrillResult[]
  unexpected: string[]
  /** Why the stage could not be relied on: Prometheus that does not evaluate, something that ended by itself. */
  problems: string[]
  seconds: number
}

export interface RunPlan {
  drills: readonly Drill[]
  environment: DrillEnvironment
  speed: number
  /** Differs for each run. */
  unique: string
  now: () => number
  signal: AbortSignal
  /** Progress: what a drill does now. */
  reportStep: (drill: Drill, step: string) => void
  reportResult: (result: DrillResult) => void
}

/** Enough that a share of 0.5 % is several requests within the shortest window a rule looks back. */
export const usualRequestsPerSecond = 30
const users = 60
const everyMs = 200
/** What was on its way when a drill ended; a repeated notice comes after an hour, which is a minute. */
const graceMs = 8000

/** Plays the drills, as many at once as do not disturb each other. */
export async function runDrills(plan: RunPlan): Promise<DrillsReport> {
  const began = performance.now()
  const { environment, signal, now } = plan
  const seconds = (): number => Number(((performance.now() - began) / 1000).toFixed(1))
  const started = await startTraffic({
    url: environment.urls.service,
    ratePerSecond: usualRequestsPerSecond,
    users,
    unique: plan.unique,
    signal,
  })
  if (started.state === 'failed')
    return { results: [], unexpected: [], problems: [started.reason], seconds: seconds() }
  await pushGauges(environment.urls.pushgateway, '/metrics/job/vigil/drill/before', {
    vigil_drill_last_success_timestamp_seconds: now() / 1000,
  })
  const eyes = startObserver({
    prometheusUrl: environment.urls.prometheus,
    alertmanagerUrl: environment.urls.alertmanager,
    receivers: environment.receivers,
    everyMs,
    now,
    signal,
  })
  try {
    const asleep = await stillAsleep(environment, eyes, signal)
    if (asleep !== undefined) return { results: [], unexpected: [], problems: [asleep], seconds: seconds() }
    await environment.faults.add(permanentFaults)
    const beganMs = now()
    const { results, allowed } = await playAll(plan, eyes, started.traffic)
    const rules = await readRules(environment.urls.prometheus, signal)
    const alerts =
      rules.state === 'read'
        ? rules.rules.filter(({ type }) => type === 'alerting').map(({ name }) => name)
        : []
    const stray = signal.aborted
      ? []
      : findUnexpected(
          eyes.received().filter(({ atMs }) => atMs >= beganMs),
          [...new Set(alerts)],
          allowed,
          graceMs,
        )
    return {
      results,
      unexpected: stray,
      problems: [
        ...environment.unexpectedExits,
        ...(await breathless(plan, stray.length > 0 || results.some(({ state }) => state === 'failed'))),
      ],
      seconds: seconds(),
    }
  } finally {
    await eyes.stop()
    await started.traffic.stop()
    await environment.faults.clear()
  }
}

/**
 * No drill makes scrapes fail: where they do, the machine has too much to do for a clock that fast. Series are gone for a
 * moment then and pending alerts begin anew, so that what was lost says nothing about the alerts.
 */
async function breathless({ environment, speed, signal }: RunPlan, lost: boolean): Promise<string[]> {
  if (!lost) return []
  const failed = await queryNow(
    environment.urls.prometheus,
    'sum(count_over_time(up[10m])) - sum(sum_over_time(up[10m]))',
    signal,
  )
  const count = failed[0]?.value ?? 0
  if (count < fewScrapes) return []
  return [
    `this machine cannot keep up with a clock ${speed} times as fast (${count} scrapes were not answered in time): try --speed ${Math.ceil(speed / 2)}, or when it has less to do`,
  ]
}

/** While targets are not found yet some fail. */
const fewScrapes = 10

async function playAll(
  plan: RunPlan,
  eyes: Observer,
  traffic: Traffic,
): Promise<{ results: DrillResult[]; allowed: AllowedSpan[] }> {
  const results: DrillResult[] = []
  const allowed: AllowedSpan[] = [{ alerts: expectedAlerts, fromMs: 0, toMs: Infinity }]
  const scene: DrillContext = {
    environment: plan.environment,
    traffic,
    compress: (ms) => Math.round(ms / plan.speed),
    signal: plan.signal,
  }
  await runAtOnce(
    plan.drills,
    async (drill) => {
      const fromMs = plan.now()
      // Until it has ended; what stays is heard of again.
      const span = { alerts: alertsOf(drill), fromMs, toMs: Infinity }
      allowed.push(span, { alerts: drill.mayKeepFiring ?? [], fromMs, toMs: Infinity })
      const result = await runDrill(drill, scene, eyes, plan.now, (step) => plan.reportStep(drill, step))
      if (drill.stays === undefined) span.toMs = plan.now()
      results.push(result)
      plan.reportResult(result)
    },
    () => plan.signal.aborted,
  )
  return { results, allowed }
}

function alertsOf({ alert, inhibits, mayAlsoFire, escalations, mutes }: Drill): string[] {
  const follows =
    escalations.length > 0 || mayAlsoFire.length > 0
      ? ['CriticalAlertPersists', 'CriticalAlertUnresolved']
      : []
  return [
    alert,
    ...inhibits,
    ...mayAlsoFire,
    ...(mutes ?? []),
    ...escalations.map((step) => step.alert),
    ...follows,
  ]
}

const patienceMs = 40_000

/** Waits until rules are evaluated, targets are scraped, and nothing fires; why not, when that does not come. */
async function stillAsleep(
  stage: DrillEnvironment,
  eyes: Observer,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deadline = performance.now() + patienceMs
  let reason = 'Prometheus has no rules'
  while (performance.now() < deadline && !signal.aborted) {
    const [read, targets] = await Promise.all([
      readRules(stage.urls.prometheus, signal),
      readTargets(stage.urls.prometheus, signal),
    ])
    const down = targets.filter(({ health }) => health !== 'up')
    const early = eyes
      .firing()
      .map((labels) => labels['alertname'] ?? '')
      .filter((alert) => !expectedAlerts.includes(alert))
    if (read.state === 'unreachable') reason = read.reason
    else {
      const idle = read.rules.filter(({ lastEvaluation }) => !(Date.parse(lastEvaluation) > 0))
      if (
        read.rules.length > 0 &&
        idle.length === 0 &&
        targets.length > 1 &&
        down.length === 0 &&
        early.length === 0
      )
        return undefined
      if (idle.length > 0)
        reason = `Prometheus does not evaluate its rules: ${idle
          .slice(0, 3)
          .map(({ name }) => name)
          .join(', ')}`
      else if (down.length > 0)
        reason = `Prometheus cannot scrape ${down.map(({ job, error }) => `${job} (${error})`).join(', ')}`
      else if (early.length > 0) reason = `${early.join(', ')} fires before any fault`
    }
    await sleep(200, undefined, { signal }).catch(() => undefined)
  }
  return signal.aborted ? 'interrupted' : reason
}
