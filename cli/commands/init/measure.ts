import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Budgets } from '../../../baselines/index.ts'
import type { Run } from '../../../record/index.ts'
import { startProcess, waitReady } from '../../../runtime/services/index.ts'
import { lookForTool } from '../../../runtime/tools/index.ts'
import type { measureSuite } from '../../shared/measure.ts'
import { openSession } from '../../shared/session.ts'
import { findEngine, planSuite } from '../../shared/suites.ts'
import { withTarget } from '../../shared/target.ts'
import { UsageError } from '../../shared/world.ts'
import { isLoopback } from './find.ts'
import { renderConfig } from './render.ts'
import type { ConfigPlan, SuitePlan } from './render.ts'
import type { Exploration } from './explore.ts'
import type { InitOptions } from './command.ts'
import type { Progress } from '../../shared/progress.ts'
import type { World } from '../../shared/world.ts'

/** What init works with. */
export interface Setting {
  world: World
  measureLoad: typeof measureSuite
  options: InitOptions
  progress: Progress
  url: string
  command: string[] | undefined
  /** For files of this run only, removed at its end. */
  scratch: string
  /** Whether the project has the package `vigil-gate`. */
  hasPackage: boolean
  exploration: Exploration
}

const startTimeoutMs = 60_000
const pauseMs = 100

/** Calls `use` while the service runs: the command's, or the one that is running already. */
export async function withService<T>(setting: Setting, use: () => Promise<T>): Promise<T> {
  const { command, url, world, scratch, progress } = setting
  if (command === undefined) return use()
  const answers = async (): Promise<boolean> =>
    (await waitReady(url, '/', { timeoutMs: 0, signal: world.interrupted })) !== 'unreachable'
  if (await answers())
    throw new UsageError(`something answers at ${url} already: stop it, or leave out --command`)
  progress.phase(`starting the service: ${command.join(' ')}`)
  const settled = new AbortController()
  let isReady = false
  const polling = (async () => {
    while (!isReady && !settled.signal.aborted) {
      isReady = await answers()
      if (!isReady) await sleep(pauseMs)
    }
  })()
  const started = await startProcess({
    name: `--command '${command.join(' ')}'`,
    command,
    cwd: world.cwd,
    env: world.env,
    logFile: join(scratch, 'service.log'),
    url,
    ready: () => isReady,
    timeoutMs: startTimeoutMs,
    signal: world.interrupted,
  })
  settled.abort()
  await polling
  if (started.state === 'failed') throw new UsageError(started.reason)
  try {
    return await use()
  } finally {
    await started.service.stop()
  }
}

/** The suites and budgets of the written config, and where they come from. */
export interface Measured {
  suites: SuitePlan[]
  budgets: Budgets | undefined
  comment: string[]
}

/** Loads the service for a few seconds with the journeys. */
export async function measure(
  setting: Setting,
  facts: Pick<ConfigPlan, 'names' | 'ready' | 'metrics' | 'secrets' | 'journeys'> & { steps: number },
): Promise<Measured> {
  const { world, url, scratch, hasPackage, progress } = setting
  const seconds = setting.options.measure
  const local = isLoopback(url)
  const suite: SuitePlan = {
    name: 'init',
    engine: 'autocannon',
    load: { connections: local ? 4 : 1 },
    warmupSeconds: local ? Math.min(1, seconds / 3) : 0,
    durationSeconds: seconds,
    comment: 'measures for init',
  }
  const config = join(scratch, 'vigil.config.ts')
  await mkdir(scratch, { recursive: true })
  const plan = {
    ...facts,
    url,
    command: undefined,
    leavingData: facts.names,
    suites: [suite],
    budgets: undefined,
  }
  await writeFile(config, renderConfig({ ...plan, measured: [], hasPackage }))
  const session = await openSession({ config, out: scratch, quiet: true }, world)
  const words = local ? '4 connections' : 'one connection, because the service is not on this machine'
  progress.phase(`measuring for ${seconds} s: ${words}`)
  const engine = await findEngine('autocannon', session)
  const reached = await withTarget(session, { load: true, logFile: join(scratch, 'target.log') }, async () =>
    setting.measureLoad(session, planSuite(session.loaded.config, suite.name, {}), engine),
  )
  if (reached.state !== 'ok') throw new UsageError(`the service could not be measured: ${reached.reason}`)
  const { run } = reached.value
  const suites = planSuites(run, { isLoopback: local, hasK6: await hasK6(setting), steps: facts.steps })
  const budgets = run.validity.valid ? planBudgets(run, suites, facts.steps) : undefined
  return { suites, budgets, comment: describe(run, budgets, { seconds, now: new Date(world.now()) }) }
}

async function hasK6({ world, progress }: Setting): Promise<boolean> {
  const found = await lookForTool('k6', {
    env: world.env,
    signal: world.interrupted,
    progress: progress.phase,
  })
  return found?.state === 'ok'
}

function describe(
  { totals, validity }: Run,
  budgets: Budgets | undefined,
  { seconds, now }: { seconds: number; now: Date },
): string[] {
  const { latency, throughputRps, requests, errors } = totals
  const day = now.toISOString().slice(0, 10)
  const failed = errors === 0 ? '' : `, ${errors} of ${requests} requests failed`
  const latencies = `p95 ${round(latency.p95Ms)} ms, mean ${round(latency.meanMs)} ms`
  const figures = `${latencies}, ${Math.round(throughputRps)} requests/s${failed}`
  const reason = validity.reasons[0] ?? `${requests} requests`
  if (budgets === undefined)
    return [
      `No budgets: the measurement of ${day} was not good enough (${reason}).`,
      'budgets: { p95Ms: 500, errorRate: 0.001 },',
    ]
  return [
    `Measured on ${day} in ${seconds} s on this machine: ${figures}.`,
    `Budgets: ${headroom} times these latencies. Replace them by what users need.`,
  ]
}

/** How many times the measured value a budget allows. The first gate shows whether that is enough here. */
const headroom = 3
const rssHeadroom = 1.5
/** A machine of CI pauses for longer than a fast service takes. */
const minP95Ms = 25
const minMeanMs = 10
/** Journeys per second that any machine starts in time. */
const maxRate = 50
/** Requests with which an error rate can be judged: three times its inverse. */
const perErrorRate = 3
/** Requests beyond which ten are slower than the 95th percentile. */
const minRequests = 200

/** As long as it takes to judge a 95th percentile. */
function toSeconds(requestsPerSecond: number): number {
  const needed = (minRequests * 1.5) / Math.max(requestsPerSecond, 0.1)
  return Math.min(120, Math.max(20, Math.ceil(needed / 5) * 5))
}

/** The load of a gate. A service elsewhere gets one request at a time. */
function planSuites(
  measured: Run,
  facts: { isLoopback: boolean; hasK6: boolean; steps: number },
): SuitePlan[] {
  const { throughputRps } = measured.totals
  const connections = facts.isLoopback ? 4 : 1
  const capacity: SuitePlan = {
    name: 'capacity',
    engine: 'autocannon',
    load: { connections },
    warmupSeconds: 3,
    durationSeconds: toSeconds(throughputRps),
    comment: 'As fast as so few connections can be served: throughput, and memory.',
  }
  if (!facts.isLoopback || !facts.hasK6) return [capacity]
  const journeysPerSecond = throughputRps / Math.max(1, facts.steps)
  const ratePerSecond = Math.min(maxRate, floorNice(journeysPerSecond / 4))
  if (ratePerSecond < 1) return [capacity]
  const steady: SuitePlan = {
    name: 'steady',
    engine: 'k6',
    load: { ratePerSecond },
    warmupSeconds: 3,
    durationSeconds: toSeconds(ratePerSecond * facts.steps),
    comment: 'Latency at a steady rate, at most a quarter of what the service reached. Needs k6.',
  }
  return [steady, capacity]
}

/** Budgets with headroom over what was measured; undefined when too little was. */
function planBudgets(
  { totals, server }: Run,
  suites: readonly SuitePlan[],
  steps: number,
): Budgets | undefined {
  if (totals.requests - totals.errors < 20) return undefined
  const latency = (ms: number, least: number): number => ceilNice(Math.max(least, ms * headroom))
  const rates = suites.map(({ load, durationSeconds }) => ({
    durationSeconds,
    perSecond: 'ratePerSecond' in load ? load.ratePerSecond * steps * 0.9 : totals.throughputRps / headroom,
  }))
  const fewest = Math.min(...rates.map(({ durationSeconds, perSecond }) => durationSeconds * perSecond))
  const perMinute = floorNice(Math.min(...rates.map(({ perSecond }) => perSecond)) * 60)
  return {
    p95Ms: latency(totals.latency.p95Ms, minP95Ms),
    meanMs: latency(totals.latency.meanMs, minMeanMs),
    errorRate: [0.001, 0.01].find((rate) => fewest >= perErrorRate / rate) ?? 0.05,
    ...(perMinute >= 1 && { requestsPerMinute: perMinute }),
    ...(server?.rssMaxBytes !== undefined && { rssBytes: ceilNice(server.rssMaxBytes * rssHeadroom) }),
  }
}

const nice = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]

function ceilNice(value: number): number {
  const scale = 10 ** Math.floor(Math.log10(value))
  return round((nice.find((step) => step * scale >= value) ?? 10) * scale)
}

function floorNice(value: number): number {
  if (value < 1) return 0
  const scale = 10 ** Math.floor(Math.log10(value))
  return Math.floor((nice.findLast((step) => step * scale <= value) ?? 1) * scale)
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}
