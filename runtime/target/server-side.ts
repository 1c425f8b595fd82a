import { toOneLine } from '../../record/index.ts'
import type { GroupUsage } from '../processes/index.ts'
import type { ServerSide } from '../../record/index.ts'
import { findAnsweringProcess, isSameProcess, parseExposition, serviceMetrics, sumOf } from './exposition.ts'
import type { AnsweringProcess } from './exposition.ts'
import { startProcess, waitReady } from '../services/index.ts'
import type { ProcessPlan, RunningProcess, StartResult } from '../services/index.ts'

/** Reads the target's metrics; undefined when it does not answer in time, or with something else. */
export type ReadMetrics = () => Promise<string | undefined>

/** The figures of one reading of the metrics. */
interface Snapshot {
  process: AnsweringProcess
  cpuSeconds: number | undefined
  rssBytes: number | undefined
  eventLoopP99Seconds: number | undefined
  requests: number | undefined
  dbSeconds: number | undefined
  statements: number | undefined
  poolUsedRatio: number | undefined
  poolWaiting: number | undefined
}

export function toSnapshot(text: string): Snapshot {
  const samples = parseExposition(text)
  const [requests, requestDurations] = serviceMetrics.requests
  const pool = samples.filter(({ name }) => name === serviceMetrics.poolConnections)
  const inUse = pool.filter(({ labels }) => labels.includes('state="in_use"'))
  return {
    process: findAnsweringProcess(samples),
    cpuSeconds: sumOf(samples, serviceMetrics.cpuSeconds),
    rssBytes: sumOf(samples, serviceMetrics.residentBytes),
    eventLoopP99Seconds: sumOf(samples, serviceMetrics.eventLoopP99Seconds),
    requests: sumOf(samples, requests) ?? sumOf(samples, requestDurations),
    dbSeconds: sumOf(samples, serviceMetrics.databaseSeconds),
    statements: sumOf(samples, serviceMetrics.statements),
    poolUsedRatio: ratio(
      sumOf(inUse, serviceMetrics.poolConnections),
      sumOf(pool, serviceMetrics.poolConnections),
    ),
    poolWaiting: sumOf(samples, serviceMetrics.poolWaiting),
  }
}

function ratio(part: number | undefined, total: number | undefined): number | undefined {
  return part === undefined || total === undefined || total === 0 ? undefined : part / total
}

/**
 * The server's side of a load, from snapshots at its start, at its end and in between. Costs are divided by
 * the requests that the server itself counted between the same two snapshots, so it does not matter that
 * these were not read exactly at the edges of the measurement; `countedRequests`, the engine's own count, is
 * used when the server keeps none. Costs are left out, not estimated, if another process answered in between.
 */
export function toServerSide(snapshots: readonly Snapshot[], countedRequests: number): ServerSide {
  const first = snapshots[0]
  const last = snapshots.at(-1)
  if (!first || !last || snapshots.length < 2) return {}
  const requests = difference(first.requests, last.requests) ?? countedRequests
  const isOneProcess = !hasOtherProcess(snapshots)
  const perRequest = (
    from: number | undefined,
    to: number | undefined,
    scale: number,
  ): number | undefined => {
    const increase = difference(from, to)
    return increase === undefined || requests <= 0 || !isOneProcess
      ? undefined
      : (increase * scale) / requests
  }
  return omitUnknown({
    cpuMsPerRequest: perRequest(first.cpuSeconds, last.cpuSeconds, 1000),
    rssMaxBytes: largest(snapshots.map((snapshot) => snapshot.rssBytes)),
    eventLoopP99Ms: scaled(largest(snapshots.slice(1).map((snapshot) => snapshot.eventLoopP99Seconds)), 1000),
    dbMsPerRequest: perRequest(first.dbSeconds, last.dbSeconds, 1000),
    statementsPerRequest: perRequest(first.statements, last.statements, 1),
    dbPoolUsedRatio: average(snapshots.slice(1).map((snapshot) => snapshot.poolUsedRatio)),
    dbPoolWaiting: average(snapshots.slice(1).map((snapshot) => snapshot.poolWaiting)),
  })
}

const counters = ['cpuSeconds', 'requests', 'dbSeconds', 'statements'] as const

/**
 * Whether another process answered one of the readings: a restart, or several processes behind one URL. Where
 * processes do not say when they started, a counter that decreased shows it.
 */
export function hasOtherProcess(snapshots: readonly Snapshot[]): boolean {
  return snapshots.slice(1).some((snapshot, index) => {
    const before = snapshots[index] ?? snapshot
    return (
      !isSameProcess(before.process, snapshot.process) ||
      counters.some((name) => (snapshot[name] ?? Infinity) < (before[name] ?? -Infinity))
    )
  })
}

/** Why figures are left out, after their names and `left out: `. */
export const otherProcessReason =
  'the metrics came from more than one process: it was restarted, or several answer at one URL'

/** What the system counted of a service that vigil started, at a time of the monotonic clock. */
export interface UsageReading extends GroupUsage {
  atMs: number
}

/** The server's side by what the system counts, for a service that reports nothing about itself. */
export function toMeasuredSide(readings: readonly UsageReading[], requests: number): ServerSide {
  const [first, last] = [readings[0], readings.at(-1)]
  if (!first || !last || last.atMs <= first.atMs) return {}
  // A thread that began in between has used everything since.
  const used = [...last.threads].map(([thread, ms]) => ms - (first.threads.get(thread) ?? 0))
  return omitUnknown({
    cpuMsPerRequest: requests > 0 ? used.reduce((sum, ms) => sum + ms, 0) / requests : undefined,
    busiestThreadRatio: Math.max(0, ...used) / (last.atMs - first.atMs),
    rssMaxBytes: Math.max(...readings.map(({ rssBytes }) => rssBytes)),
  })
}

function difference(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined || to < from ? undefined : to - from
}

function largest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

/** The average and not the maximum: a gauge at its peak for a moment is no shortage. */
function average(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length
}

function scaled(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value * by
}

function omitUnknown(side: { [K in keyof ServerSide]: ServerSide[K] | undefined }): ServerSide {
  return Object.fromEntries(
    Object.entries(side).filter(([, value]) => value !== undefined && Number.isFinite(value)),
  )
}

/** Collects snapshots while a load runs. */
export interface ServerWatch {
  /** Reads the metrics; call it at the edges of the measurement. */
  read: () => Promise<void>
  /** Ends the periodic reading and returns the result. */
  finish: (countedRequests: number) => ServerSide
  /** What is missing from the result, and why. */
  notes: () => string[]
}

/**
 * Reads a target's metrics every `everyMs` until `finish`. A reading that fails is left out. What the service
 * reports itself has priority over what the system counts of its processes.
 *
 * @param readUsage of a service that vigil started
 */
export function watchServer(
  readMetrics: ReadMetrics,
  everyMs: number,
  readUsage: () => GroupUsage | undefined = () => undefined,
): ServerWatch {
  const snapshots: Snapshot[] = []
  const readings: UsageReading[] = []
  let reading: Promise<void> | undefined
  const readOnce = async (): Promise<void> => {
    const usage = readUsage()
    if (usage !== undefined) readings.push({ ...usage, atMs: performance.now() })
    const text = await readMetrics()
    if (text !== undefined) snapshots.push(toSnapshot(text))
  }
  // One reading at a time: a slow target must not get a second request before it has answered the first.
  const read = async (): Promise<void> => {
    reading ??= readOnce().finally(() => (reading = undefined))
    await reading
  }
  let timer: NodeJS.Timeout | undefined
  return {
    read: async () => {
      await reading
      await read()
      timer ??= setInterval(() => void read(), everyMs).unref()
    },
    finish: (countedRequests) => {
      clearInterval(timer)
      return { ...toMeasuredSide(readings, countedRequests), ...toServerSide(snapshots, countedRequests) }
    },
    notes: () =>
      hasOtherProcess(snapshots)
        ? [
            `${readings.length > 1 ? 'database' : 'CPU, database'} time and statements per request ` +
              `are left out: ${otherProcessReason}`,
          ]
        : [],
  }
}

/** An answer of the target's readiness path: its status and text, or why there was none. */
export type Readiness =
  | { state: 'answered'; status: number; text: string }
  | { state: 'failed'; reason: string }

/** Asks whether the target is ready while its requests fail. */
export interface ReadinessWatch {
  /** Asks, unless a question is open or an answer that explains the failures is known. */
  ask: () => Promise<void>
  /** The first answer that was not 2xx, for the reader of the record. */
  notes: () => string[]
}

const maxAnswerLength = 300

/**
 * A status 503 of a request does not say what is broken; the readiness path does. It is only asked while
 * requests fail: otherwise its own requests and queries would be part of what is measured.
 */
export function watchReadiness(
  path: string,
  readReadiness: () => Promise<Readiness | undefined>,
): ReadinessWatch {
  let note: string | undefined
  let asking: Promise<void> | undefined
  const askOnce = async (): Promise<void> => {
    const found = await readReadiness()
    if (found?.state === 'failed') note = `while requests failed, ${path} could not be read: ${found.reason}`
    if (found?.state === 'answered' && (found.status < 200 || found.status >= 300)) {
      const answer = toOneLine(found.text, maxAnswerLength)
      note = `while requests failed, ${path} answered ${found.status}${answer === '' ? '' : `: ${answer}`}`
    }
  }
  return {
    ask: async () => {
      if (note !== undefined) return
      asking ??= askOnce().finally(() => (asking = undefined))
      await asking
    },
    notes: () => (note === undefined ? [] : [note]),
  }
}

/** How to start the service under test, and where it will answer. */
export interface TargetPlan extends Pick<ProcessPlan, 'url' | 'command' | 'cwd' | 'env' | 'logFile'> {
  /** A path that answers 2xx once the service can be used. */
  ready: string
  timeoutMs: number
  signal: AbortSignal
}

const stopGraceMs = 10_000

/**
 * Starts the service and waits until it is ready. A failure leaves nothing running. `{port}` in its command
 * and environment is the port of its URL, and so is `PORT` unless the plan sets it.
 */
export async function startTarget(plan: TargetPlan): Promise<StartResult<RunningProcess>> {
  if (plan.command[0] === undefined)
    return {
      state: 'failed',
      cause: 'program',
      reason: 'target.command: expected a program and its arguments, found an empty list',
    }
  const readiness = await waitReady(plan.url, plan.ready, { timeoutMs: 0, signal: plan.signal })
  if (readiness !== 'unreachable')
    return {
      state: 'failed',
      cause: 'port-in-use',
      reason:
        `something already answers at ${plan.url}: stop it, ` +
        `or test it as it is with '--target ${plan.url}'`,
    }
  const placed = placeOnPort(plan)
  return startProcess({
    ...plan,
    ...placed,
    name: `target.command '${placed.command.join(' ')}'`,
    stopGraceMs,
  })
}

/** The same command and environment everywhere that a service is started: on the port of its URL. */
export function placeOnPort({
  url,
  command,
  env,
}: Pick<TargetPlan, 'url' | 'command' | 'env'>): Pick<TargetPlan, 'command' | 'env'> {
  const { port: own, protocol } = new URL(url)
  const port = own || (protocol === 'https:' ? '443' : '80')
  const replace = (text: string): string => text.replaceAll('{port}', port)
  return {
    command: command.map(replace),
    env: Object.fromEntries(
      Object.entries({ ...env, PORT: env['PORT'] ?? port }).map(([name, value]) => [
        name,
        value === undefined ? value : replace(value),
      ]),
    ),
  }
}
