import { setTimeout as sleep } from 'node:timers/promises'
import { queryNow, readRules, readTargets } from '../follow/prometheus.ts'
import { watch } from '../follow/watch.ts'
import type { Watch } from '../follow/watch.ts'
import { startTraffic } from '../faults/traffic.ts'
import type { Traffic } from '../faults/traffic.ts'
import type { Stage } from '../stage/index.ts'
import { ambient, standing } from '../table/index.ts'
import { pushGauges } from '../table/window.ts'
import type { Drill, DrillResult, Scene } from './drill.ts'
import { runAtOnce } from './plan.ts'
import { play } from './play.ts'
import { unexpected } from './unexpected.ts'
import type { Allowed } from './unexpected.ts'

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
  stage: Stage
  speed: number
  /** Differs for each run. */
  unique: string
  now: () => number
  signal: AbortSignal
  /** Progress: what a drill does now. */
  tell: (drill: Drill, step: string) => void
  finished: (result: DrillResult) => void
}

/** Enough that a share of 0.5 % is several requests within the shortest window a rule looks back. */
export const usualPerSecond = 30
const users = 60
const everyMs = 200
/** What was on its way when a drill ended; a repeated notice comes after an hour, which is a minute. */
const graceMs = 8000

/** Plays the drills, as many at once as do not disturb each other. */
export async function runDrills(plan: RunPlan): Promise<DrillsReport> {
  const began = performance.now()
  const { stage, signal, now } = plan
  const seconds = (): number => Number(((performance.now() - began) / 1000).toFixed(1))
  const started = await startTraffic({
    url: stage.urls.service,
    ratePerSecond: usualPerSecond,
    users,
    unique: plan.unique,
    signal,
  })
  if (started.state === 'failed')
    return { results: [], unexpected: [], problems: [started.reason], seconds: seconds() }
  await pushGauges(stage.urls.pushgateway, '/metrics/job/vigil/drill/before', {
    vigil_drill_last_success_timestamp_seconds: now() / 1000,
  })
  const eyes = watch({
    prometheusUrl: stage.urls.prometheus,
    alertmanagerUrl: stage.urls.alertmanager,
    sinks: stage.sinks,
    everyMs,
    now,
    signal,
  })
  try {
    const asleep = await stillAsleep(stage, eyes, signal)
    if (asleep !== undefined) return { results: [], unexpected: [], problems: [asleep], seconds: seconds() }
    await stage.faults.add(standing)
    const beganMs = now()
    const { results, allowed } = await playAll(plan, eyes, started.traffic)
    const rules = await readRules(stage.urls.prometheus, signal)
    const alerts =
      rules.state === 'read'
        ? rules.rules.filter(({ type }) => type === 'alerting').map(({ name }) => name)
        : []
    const stray = signal.aborted
      ? []
      : unexpected(
          eyes.received().filter(({ atMs }) => atMs >= beganMs),
          [...new Set(alerts)],
          allowed,
          graceMs,
        )
    return {
      results,
      unexpected: stray,
      problems: [
        ...stage.casualties,
        ...(await breathless(plan, stray.length > 0 || results.some(({ state }) => state === 'failed'))),
      ],
      seconds: seconds(),
    }
  } finally {
    await eyes.stop()
    await started.traffic.stop()
    await stage.faults.clear()
  }
}

/**
 * No drill makes scrapes fail: where they do, the machine has too much to do for a clock that fast. Series are gone for a
 * moment then and pending alerts begin anew, so that what was lost says nothing about the alerts.
 */
async function breathless({ stage, speed, signal }: RunPlan, lost: boolean): Promise<string[]> {
  if (!lost) return []
  const failed = await queryNow(
    stage.urls.prometheus,
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
  eyes: Watch,
  traffic: Traffic,
): Promise<{ results: DrillResult[]; allowed: Allowed[] }> {
  const results: DrillResult[] = []
  const allowed: Allowed[] = [{ alerts: ambient, fromMs: 0, toMs: Infinity }]
  const scene: Scene = {
    stage: plan.stage,
    traffic,
    fast: (ms) => Math.round(ms / plan.speed),
    signal: plan.signal,
  }
  await runAtOnce(
    plan.drills,
    async (drill) => {
      const fromMs = plan.now()
      // Until it has ended; what stays is heard of again.
      const span = { alerts: alertsOf(drill), fromMs, toMs: Infinity }
      allowed.push(span, { alerts: drill.lingering ?? [], fromMs, toMs: Infinity })
      const result = await play(drill, scene, eyes, plan.now, (step) => plan.tell(drill, step))
      if (drill.stays === undefined) span.toMs = plan.now()
      results.push(result)
      plan.finished(result)
    },
    () => plan.signal.aborted,
  )
  return { results, allowed }
}

function alertsOf({ alert, inhibits, along, escalations, mutes }: Drill): string[] {
  const follows =
    escalations.length > 0 || along.length > 0 ? ['CriticalAlertPersists', 'CriticalAlertUnresolved'] : []
  return [
    alert,
    ...inhibits,
    ...along,
    ...(mutes ?? []),
    ...escalations.map((step) => step.alert),
    ...follows,
  ]
}

const patienceMs = 40_000

/** Waits until rules are evaluated, targets are scraped, and nothing fires; why not, when that does not come. */
async function stillAsleep(stage: Stage, eyes: Watch, signal: AbortSignal): Promise<string | undefined> {
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
      .filter((alert) => !ambient.includes(alert))
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
