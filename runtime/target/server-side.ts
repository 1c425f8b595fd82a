import type { ServerSide } from '../../record/index.ts'
import { parseExposition, sumOf } from './exposition.ts'
import type { Sample } from './exposition.ts'

/** Reads the target's metrics now; undefined when it did not answer in time with something readable. */
export type ReadMetrics = () => Promise<string | undefined>

/** What is read of one exposition. Names are those of Prometheus clients in general, Node's and database histograms. */
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

export function snapshotOf(text: string): Snapshot {
  const samples = parseExposition(text)
  return {
    cpuSeconds: sumOf(samples, 'process_cpu_seconds_total'),
    rssBytes: sumOf(samples, 'process_resident_memory_bytes'),
    eventLoopP99Seconds: sumOf(samples, 'nodejs_eventloop_lag_p99_seconds'),
    requests: requestsServed(samples),
    dbSeconds: sumOf(samples, 'db_query_duration_seconds_sum'),
    statements: sumOf(samples, 'db_query_duration_seconds_count'),
    poolUsedRatio: poolUsed(samples),
    poolWaiting: sumOf(samples, 'db_pool_waiting'),
  }
}

/** `db_pool_connections{state}`: those in use of all. */
function poolUsed(samples: readonly Sample[]): number | undefined {
  const states = samples.filter(({ name }) => name === 'db_pool_connections')
  const used = sumOf(
    states.filter(({ labels }) => labels.includes('state="in_use"')),
    'db_pool_connections',
  )
  const all = sumOf(states, 'db_pool_connections')
  return used === undefined || all === undefined || all === 0 ? undefined : used / all
}

function requestsServed(samples: readonly Sample[]): number | undefined {
  return sumOf(samples, 'http_requests_total') ?? sumOf(samples, 'http_request_duration_seconds_count')
}

/**
 * The server's side of a load, from snapshots at its begin and end and in between. Costs are divided by the requests that
 * the server itself counted between the same two snapshots, so that it does not matter that they were not taken at the
 * exact edges of the measurement; `counted` (the engine's own count) stands in when the server keeps none. A counter that
 * went down was reset by a restart: what it would give is left out rather than made up.
 */
export function serverSideOf(snapshots: readonly Snapshot[], counted: number): ServerSide {
  const first = snapshots[0]
  const last = snapshots.at(-1)
  if (!first || !last || snapshots.length < 2) return {}
  const requests = difference(first.requests, last.requests) ?? counted
  const perRequest = (
    from: number | undefined,
    to: number | undefined,
    scale: number,
  ): number | undefined => {
    const grown = difference(from, to)
    return grown === undefined || requests <= 0 ? undefined : (grown * scale) / requests
  }
  return present({
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

/** A gauge caught at its height for a moment is no shortage. */
function average(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length
}

function scaled(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value * by
}

function present(side: { [K in keyof ServerSide]: ServerSide[K] | undefined }): ServerSide {
  return Object.fromEntries(
    Object.entries(side).filter(([, value]) => value !== undefined && Number.isFinite(value)),
  )
}

/** Collects snapshots while a load runs. */
export interface ServerWatch {
  /** Reads now; call it at the edges of the measurement. */
  read: () => Promise<void>
  /** Ends the reading in between and gives the result. */
  finish: (counted: number) => ServerSide
}

/** Starts reading a target's metrics every `everyMs` until `finish`. A reading that fails is left out. */
export function watchServer(readMetrics: ReadMetrics, everyMs: number): ServerWatch {
  const snapshots: Snapshot[] = []
  let reading: Promise<void> | undefined
  const readOnce = async (): Promise<void> => {
    const text = await readMetrics()
    if (text !== undefined) snapshots.push(snapshotOf(text))
  }
  // One reading at a time: a slow target must not get a second question before it answered the first.
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
    finish: (counted) => {
      clearInterval(timer)
      return serverSideOf(snapshots, counted)
    },
  }
}
