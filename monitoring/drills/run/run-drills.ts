import type { Delivery } from '../../receivers/index.ts'
import type { DrillEnvironment } from '../environment/environment.ts'
import { startTraffic } from '../environment/traffic.ts'
import type { Traffic } from '../environment/traffic.ts'
import { startObserver } from '../observation/observer.ts'
import type { Observer } from '../observation/observer.ts'
import { permanentFaults, pushGauges } from '../table/builders.ts'
import type { Drill, DrillContext, DrillResult } from '../table/drill.ts'
import { expectedAlerts } from '../table/drills.ts'
import { findScrapeProblem, findUnexpected, waitUntilReady } from './checks.ts'
import type { AllowedSpan } from './checks.ts'
import { alertsOfDrill } from './notifications.ts'
import { runDrill } from './run-drill.ts'

/** The results of a set of drills. `unexpected`: notifications that no receiver should have got. */
export interface DrillsReport {
  results: DrillResult[]
  unexpected: string[]
  /**
   * Why the environment was not reliable, such as a Prometheus that does not evaluate or a process that
   * exited.
   */
  problems: string[]
  seconds: number
  /** All that the receivers got, rejected messages too, oldest first. */
  messages: readonly Delivery[]
}

export interface RunPlan {
  drills: readonly Drill[]
  environment: DrillEnvironment
  speed: number
  /** Differs between runs. */
  unique: string
  now: () => number
  signal: AbortSignal
  /** Reports progress. */
  reportStep: (drill: Drill, step: string) => void
  reportResult: (result: DrillResult) => void
}

/** High enough that a share of 0.5 % is several requests within the shortest range of a rule. */
export const usualRequestsPerSecond = 30
const userCount = 60
const pollEveryMs = 200
/**
 * For notifications on their way at the end of a drill. A repeated one comes after an hour, which is a minute
 * here.
 */
const graceMs = 8000

/** Runs the drills, concurrently where they do not disturb each other. */
export async function runDrills(plan: RunPlan): Promise<DrillsReport> {
  const startedMs = performance.now()
  const { environment, signal, now } = plan
  const seconds = (): number => Number(((performance.now() - startedMs) / 1000).toFixed(1))
  const invalid = (problem: string): DrillsReport => ({
    results: [],
    unexpected: [],
    problems: [problem],
    seconds: seconds(),
    messages: environment.receivers.received(),
  })
  const started = await startTraffic({
    url: environment.urls.service,
    ratePerSecond: usualRequestsPerSecond,
    userCount,
    unique: plan.unique,
    signal,
  })
  if (started.state === 'failed') return invalid(started.reason)
  await pushGauges(environment.urls.pushgateway, '/metrics/job/vigil/drill/before', {
    vigil_drill_last_success_timestamp_seconds: now() / 1000,
  })
  const observer = startObserver({
    prometheusUrl: environment.urls.prometheus,
    alertmanagerUrl: environment.urls.alertmanager,
    receivers: environment.receivers,
    everyMs: pollEveryMs,
    now,
    signal,
  })
  try {
    const problem = await waitUntilReady(environment, observer, signal)
    if (problem !== undefined) return invalid(problem)
    await environment.faults.add(permanentFaults)
    return { ...(await runAll(plan, observer, started.traffic)), seconds: seconds() }
  } finally {
    await observer.stop()
    await started.traffic.stop()
    await environment.faults.clear()
  }
}

async function runAll(
  plan: RunPlan,
  observer: Observer,
  traffic: Traffic,
): Promise<Omit<DrillsReport, 'seconds'>> {
  const { environment, signal } = plan
  const startedMs = plan.now()
  const { results, allowed } = await runEach(plan, observer, traffic)
  const received = observer.received().filter(({ atMs }) => atMs >= startedMs)
  const unexpected = signal.aborted
    ? []
    : findUnexpected(received, [...observer.alerts().keys()], allowed, graceMs)
  const hasFailures = unexpected.length > 0 || results.some(({ state }) => state === 'failed')
  const scrapeProblem = hasFailures ? await findScrapeProblem(environment, plan.speed, signal) : undefined
  const problems = [...environment.unexpectedExits, ...(scrapeProblem === undefined ? [] : [scrapeProblem])]
  return { results, unexpected, problems, messages: observer.received() }
}

async function runEach(
  plan: RunPlan,
  observer: Observer,
  traffic: Traffic,
): Promise<{ results: DrillResult[]; allowed: AllowedSpan[] }> {
  const results: DrillResult[] = []
  const allowed: AllowedSpan[] = [{ alerts: expectedAlerts, fromMs: 0, toMs: Infinity }]
  const context: DrillContext = {
    environment: plan.environment,
    traffic,
    compress: (ms) => Math.round(ms / plan.speed),
    signal: plan.signal,
  }
  await runConcurrently(
    plan.drills,
    async (drill) => {
      const fromMs = plan.now()
      // Until the end of the drill. Alerts that stay are repeated after it.
      const span = { alerts: alertsOfDrill(drill), fromMs, toMs: Infinity }
      allowed.push(span, { alerts: drill.mayKeepFiring ?? [], fromMs, toMs: Infinity })
      const result = await runDrill(drill, context, observer, plan.now, (step) =>
        plan.reportStep(drill, step),
      )
      if (drill.stays === undefined) span.toMs = plan.now()
      results.push(result)
      plan.reportResult(result)
    },
    () => plan.signal.aborted,
  )
  return { results, allowed }
}

/**
 * A drill for the schedule: the resources it needs exclusively, and those that it disturbs. Two drills do not
 * run at
 * the same time when they need the same resource, or when one disturbs what the other needs. Two that disturb
 * the same
 * resource do.
 */
export interface Schedulable {
  exclusive: readonly string[]
  disturbs?: readonly string[]
}

/** Runs all, concurrently where they do not conflict, in order of arrival. `*` conflicts with everything. */
export async function runConcurrently<T extends Schedulable>(
  all: readonly T[],
  run: (one: T) => Promise<void>,
  isStopped: () => boolean,
): Promise<void> {
  const waiting = [...all]
  const running = new Map<T, Promise<void>>()
  while (waiting.length > 0 || running.size > 0) {
    for (const one of isStopped() ? [] : startable(waiting, [...running.keys()])) {
      waiting.splice(waiting.indexOf(one), 1)
      running.set(
        one,
        run(one).finally(() => running.delete(one)),
      )
    }
    if (running.size === 0) return
    await Promise.race(running.values())
  }
}

/**
 * Those that can start now. One that has to wait starts in its turn: later ones that conflict with it wait
 * too, so that drills of one resource run in the order of the table.
 */
export function startable<T extends Schedulable>(waiting: readonly T[], running: readonly T[]): T[] {
  return waiting.filter((one, index) =>
    [...running, ...waiting.slice(0, index)].every((other) => !conflict(one, other)),
  )
}

function conflict(a: Schedulable, b: Schedulable): boolean {
  if (a.exclusive.includes('*') || b.exclusive.includes('*')) return true
  return (
    overlap(a.exclusive, b.exclusive) || overlap(a.exclusive, b.disturbs) || overlap(a.disturbs, b.exclusive)
  )
}

function overlap(some: readonly string[] = [], others: readonly string[] = []): boolean {
  return some.some((resource) => others.includes(resource))
}
