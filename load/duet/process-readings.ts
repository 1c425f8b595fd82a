import type { ServerSide } from '../../record/index.ts'
import type { AnsweringProcess } from '../../runtime/target/index.ts'
import { findAnsweringProcess, isSameProcess, parseExposition, sumOf } from '../../runtime/target/index.ts'

/** How a side's process is read, once a unit. */
export interface SideReader {
  /** CPU time so far, in milliseconds; undefined where it is unknown. */
  cpuMs: () => number | undefined
  /** The same of its database, as far as the database works for this side. */
  databaseCpuMs: () => number | undefined
  /** Its Prometheus metrics, if it has any and answers in time. */
  exposition: () => Promise<string | undefined>
}

/**
 * A side's process at one moment: counters since its start, and gauges. What it does not report is undefined.
 */
export interface ProcessReading {
  /** Requests that ended on this side so far, counted by vigil. */
  requests: number
  cpuMs: number | undefined
  databaseCpuMs: number | undefined
  /** The process whose metrics were read; undefined if none were. */
  process: AnsweringProcess | undefined
  gcSeconds: number | undefined
  cacheHits: number | undefined
  cacheReads: number | undefined
  rssBytes: number | undefined
  eventLoopP99Seconds: number | undefined
}

/** The `server` part of a unit's records, with fields in addition to the standard ones. */
export interface ProcessSide extends ServerSide {
  /** CPU time of the database's processes that worked for this side. */
  databaseCpuMsPerRequest?: number
  gcMsPerRequest?: number
  cacheHitRatio?: number
}

/**
 * Reads counts and CPU time of the same moment first, then the metrics, which a service may take a while to
 * return.
 */
export async function readProcess(reader: SideReader, requests: number): Promise<ProcessReading> {
  const counts = { requests, cpuMs: reader.cpuMs(), databaseCpuMs: reader.databaseCpuMs() }
  return { ...counts, ...readMetrics(await reader.exposition()) }
}

/**
 * A cache's counter of reads, by the usual names: `cache_requests_total{result="hit"}`,
 * `<name>_cache_requests_total`, `cache_lookups_total`, ….
 */
const cacheCounter = /^(?:\w+_)?cache_(?:requests|lookups|reads|gets)_total$/

function readMetrics(
  exposition: string | undefined,
): Omit<ProcessReading, 'requests' | 'cpuMs' | 'databaseCpuMs'> {
  const samples = exposition === undefined ? [] : parseExposition(exposition)
  const reads = samples.filter(({ name }) => cacheCounter.test(name))
  const hits = reads.filter(({ labels }) => labels.includes('result="hit"'))
  const sum = (counted: typeof samples): number => counted.reduce((total, { value }) => total + value, 0)
  return {
    process: exposition === undefined ? undefined : findAnsweringProcess(samples),
    gcSeconds: sumOf(samples, 'nodejs_gc_duration_seconds_sum'),
    cacheHits: reads.length === 0 ? undefined : sum(hits),
    cacheReads: reads.length === 0 ? undefined : sum(reads),
    rssBytes: sumOf(samples, 'process_resident_memory_bytes'),
    eventLoopP99Seconds: sumOf(samples, 'nodejs_eventloop_lag_p99_seconds'),
  }
}

/** What happened between two readings, per request where that is meaningful. */
export function subtractReadings(from: ProcessReading, to: ProcessReading): ProcessSide {
  const requests = to.requests - from.requests
  const perRequest = (a: number | undefined, b: number | undefined, scale = 1): number | undefined =>
    a === undefined || b === undefined || b < a || requests <= 0 ? undefined : ((b - a) * scale) / requests
  const isOneProcess = !isOfOtherProcess(from, to)
  const ofMetrics = (a: number | undefined, b: number | undefined, scale = 1): number | undefined =>
    isOneProcess ? perRequest(a, b, scale) : undefined
  const reads = ofMetrics(from.cacheReads, to.cacheReads)
  const hits = ofMetrics(from.cacheHits, to.cacheHits)
  return removeUnknown({
    cpuMsPerRequest: perRequest(from.cpuMs, to.cpuMs),
    databaseCpuMsPerRequest: perRequest(from.databaseCpuMs, to.databaseCpuMs),
    gcMsPerRequest: ofMetrics(from.gcSeconds, to.gcSeconds, 1000),
    cacheHitRatio: reads === undefined || hits === undefined || reads === 0 ? undefined : hits / reads,
    rssMaxBytes: to.rssBytes,
    eventLoopP99Ms: to.eventLoopP99Seconds === undefined ? undefined : to.eventLoopP99Seconds * 1000,
  })
}

/** Whether another process answered the second of two readings of metrics. */
export function isOfOtherProcess(
  { process: from }: ProcessReading,
  { process: to }: ProcessReading,
): boolean {
  return from !== undefined && to !== undefined && !isSameProcess(from, to)
}

function removeUnknown(side: { [K in keyof ProcessSide]: ProcessSide[K] | undefined }): ProcessSide {
  return Object.fromEntries(
    Object.entries(side).filter(([, value]) => value !== undefined && Number.isFinite(value)),
  )
}
