import type { ServerSide } from '../../record/index.ts'
import { parseExposition, sumOf } from '../../runtime/target/exposition.ts'

/** What is read of a side's process at one moment: counters since its start, and gauges. What it does not tell is undefined. */
export interface Reading {
  /** Requests that ended on this side so far, by our own count. */
  requests: number
  cpuMs: number | undefined
  databaseCpuMs: number | undefined
  gcSeconds: number | undefined
  cacheHits: number | undefined
  cacheReads: number | undefined
  rssBytes: number | undefined
  eventLoopP99Seconds: number | undefined
}

/** What a unit's records say of the process besides the standard fields. */
export interface ProcessSide extends ServerSide {
  /** CPU time of the database's processes that worked for this side. */
  databaseCpuMsPerRequest?: number
  gcMsPerRequest?: number
  cacheHitRatio?: number
}

/**
 * @param read what the machine tells at that moment
 * @param exposition the side's Prometheus metrics, if it has any
 */
export function readingOf(
  read: Pick<Reading, 'requests' | 'cpuMs' | 'databaseCpuMs'>,
  exposition: string | undefined,
): Reading {
  const samples = exposition === undefined ? [] : parseExposition(exposition)
  const cache = samples.filter(({ name }) => name === 'cache_requests_total')
  return {
    ...read,
    gcSeconds: sumOf(samples, 'nodejs_gc_duration_seconds_sum'),
    cacheHits:
      sumOf(
        cache.filter(({ labels }) => labels.includes('result="hit"')),
        'cache_requests_total',
      ) ?? (cache.length > 0 ? 0 : undefined),
    cacheReads: sumOf(cache, 'cache_requests_total'),
    rssBytes: sumOf(samples, 'process_resident_memory_bytes'),
    eventLoopP99Seconds: sumOf(samples, 'nodejs_eventloop_lag_p99_seconds'),
  }
}

/** What happened between two readings, per request where that makes sense. */
export function betweenReadings(from: Reading, to: Reading): ProcessSide {
  const requests = to.requests - from.requests
  const per = (a: number | undefined, b: number | undefined, scale = 1): number | undefined =>
    a === undefined || b === undefined || b < a || requests <= 0 ? undefined : ((b - a) * scale) / requests
  const reads = per(from.cacheReads, to.cacheReads)
  const hits = per(from.cacheHits, to.cacheHits)
  return present({
    cpuMsPerRequest: per(from.cpuMs, to.cpuMs),
    databaseCpuMsPerRequest: per(from.databaseCpuMs, to.databaseCpuMs),
    gcMsPerRequest: per(from.gcSeconds, to.gcSeconds, 1000),
    cacheHitRatio: reads === undefined || hits === undefined || reads === 0 ? undefined : hits / reads,
    rssMaxBytes: to.rssBytes,
    eventLoopP99Ms: to.eventLoopP99Seconds === undefined ? undefined : to.eventLoopP99Seconds * 1000,
  })
}

function present(side: { [K in keyof ProcessSide]: ProcessSide[K] | undefined }): ProcessSide {
  return Object.fromEntries(
    Object.entries(side).filter(([, value]) => value !== undefined && Number.isFinite(value)),
  )
}
