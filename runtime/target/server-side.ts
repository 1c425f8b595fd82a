import type { ServerSide } from '../../record/index.ts'
import { parseExposition, serviceMetrics, sumOf } from './exposition.ts'

/** Reads the target's metrics; undefined when it does not answer in time, or with something else. */
export type ReadMetrics = () => Promise<string | undefined>

/** The figures of one reading of the metrics. */
interface Snapshot {
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
 * used when the server keeps none. A counter that decreased was reset by a restart: its figure is left out
 * instead of estimated.
 */
export function toServerSide(snapshots: readonly Snapshot[], countedRequests: number): ServerSide {
  const first = snapshots[0]
  const last = snapshots.at(-1)
  if (!first || !last || snapshots.length < 2) return {}
  const requests = difference(first.requests, last.requests) ?? countedRequests
  const perRequest = (
    from: number | undefined,
    to: number | undefined,
    scale: number,
  ): number | undefined => {
    const increase = difference(from, to)
    return increase === undefined || requests <= 0 ? undefined : (increase * scale) / requests
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
}

/** Reads a target's metrics every `everyMs` until `finish`. A reading that fails is left out. */
export function watchServer(readMetrics: ReadMetrics, everyMs: number): ServerWatch {
  const snapshots: Snapshot[] = []
  let reading: Promise<void> | undefined
  const readOnce = async (): Promise<void> => {
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
      return toServerSide(snapshots, countedRequests)
    },
  }
}
