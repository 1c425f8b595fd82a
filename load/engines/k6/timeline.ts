import { Agent, get } from 'node:http'
import { histogramOf, quantile, roundMicros } from '../../../record/index.ts'
import type { TimelinePoint } from '../../../record/index.ts'
import type { LoadProgress } from '../../engine.ts'
import { metricNames } from './k6-runtime/metrics.ts'
import type { CollectedMessages } from './messages.ts'

/* The seconds of a run, from what k6's REST API counts while it runs. */

/** k6's counts so far, warm-up included. */
export interface LiveCounts {
  requests: number
  /** Measured requests that failed. */
  failed: number
  dropped: number
}

export interface LiveReader {
  /** Undefined when k6 does not answer in time: the load has priority. */
  read: () => Promise<LiveCounts | undefined>
  close: () => void
}

const readTimeoutMs = 800
const maxBodyBytes = 64 * 1024

/**
 * Reads counters from k6's REST API while k6 runs: their sum, where several k6 make one load. Counters only:
 * for a percentile k6 would have to sort all latencies so far, each time.
 *
 * @param addresses host and port of each k6
 */
export function createLiveReader(...addresses: readonly string[]): LiveReader {
  const agent = new Agent({ keepAlive: true, maxSockets: 3 })
  const readCount = async (metric: string): Promise<number> => {
    const counts = addresses.map(async (address) =>
      parseCount(await readBody(`http://${address}/v1/metrics/${metric}`, agent)),
    )
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
  }
  return {
    read: async () => {
      if (addresses.length === 0) return undefined
      try {
        const [requests, failed, dropped] = await Promise.all([
          readCount(metricNames.requests),
          readCount(metricNames.failed),
          readCount(metricNames.dropped),
        ])
        return { requests, failed, dropped }
      } catch {
        return undefined
      }
    },
    close: () => agent.destroy(),
  }
}

async function readBody(url: string, agent: Agent): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const request = get(url, { agent, signal: AbortSignal.timeout(readTimeoutMs) }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
      if (text.length > maxBodyBytes) response.destroy(new Error('the answer is too long'))
    })
    response.on('end', () => resolve(text))
    response.on('error', reject)
  })
  request.on('error', reject)
  return promise
}

// A metric that has no sample yet is not found: `{"errors": …}` means 0.
function parseCount(text: string): number {
  const count = /"sample":\s*\{[^}]*"count":\s*([\d.e+]+)/.exec(text)?.[1]
  return count === undefined ? 0 : Number(count)
}

/** The measurement second by second, from what k6 had counted by the end of each. */
export interface Timeline {
  points: TimelinePoint[]
  /** The beginning of the first second with dropped arrivals, in milliseconds after the measurement began. */
  firstDroppedMs: () => number | undefined
  /** Errors of the measurement so far. */
  errors: () => number
  /** Adds a second that ended at `atMs`. Without counts it adds nothing, and the next second covers both. */
  add: (
    atMs: number,
    counts: LiveCounts | undefined,
    sampleMs: readonly number[],
  ) => TimelinePoint | undefined
}

/** A shorter remainder after the last full second is left out. */
const minPointMs = 100
/** With fewer samples the percentile would be their maximum, or for the median their only value. */
const fewest = { p50Ms: 3, p95Ms: 20, p99Ms: 100 } as const
const quantiles = { p50Ms: 0.5, p95Ms: 0.95, p99Ms: 0.99 } as const

/**
 * @param start k6's counts when the measurement began: the requests of the warm-up
 */
export function createTimeline(start: LiveCounts): Timeline {
  const points: TimelinePoint[] = []
  let last = start
  let lastAtMs = 0
  let firstDroppedMs: number | undefined
  let errors = 0
  const add: Timeline['add'] = (atMs, counts, sampleMs) => {
    if (counts === undefined || atMs - lastAtMs < minPointMs) return undefined
    const dropped = Math.max(0, counts.dropped - last.dropped)
    const failed = Math.max(0, counts.failed - last.failed) + dropped
    const point: TimelinePoint = {
      atMs: lastAtMs,
      requests: Math.max(0, counts.requests - last.requests) + dropped,
      errors: failed,
      ...toPercentiles(sampleMs),
    }
    points.push(point)
    if (dropped > 0) firstDroppedMs ??= lastAtMs
    errors += failed
    last = counts
    lastAtMs = Math.round(atMs)
    return point
  }
  return { points, firstDroppedMs: () => firstDroppedMs, errors: () => errors, add }
}

function toPercentiles(sampleMs: readonly number[]): Pick<TimelinePoint, keyof typeof fewest> {
  const histogram = histogramOf(sampleMs)
  const at = (name: keyof typeof fewest): { [key in typeof name]?: number } =>
    sampleMs.length < fewest[name] ? {} : { [name]: roundMicros(quantile(histogram, quantiles[name])) }
  return { ...at('p50Ms'), ...at('p95Ms'), ...at('p99Ms') }
}

/** The last second of a run, and the seconds of its measurement, read from k6 while it runs. */
export interface LiveSeconds {
  /** Reads a second outside of the measurement. */
  read: () => Promise<void>
  /** Starts the timeline: the measurement begins now. */
  startTimeline: () => Promise<void>
  /** Adds a second of the measurement to the timeline. */
  addSecond: (atMs: number) => Promise<void>
  lastSecond: () => Pick<LoadProgress, 'requestsPerSecond' | 'p95Ms' | 'errors'>
  /** Undefined when the measurement never began. */
  timeline: () => Timeline | undefined
}

export function createLiveSeconds(
  reader: LiveReader,
  messages: Pick<CollectedMessages, 'drainSample'>,
): LiveSeconds {
  let timeline: Timeline | undefined
  let last: LiveCounts = { requests: 0, failed: 0, dropped: 0 }
  let requestsPerSecond = 0
  let p95Ms: number | undefined
  const read = async (): Promise<LiveCounts | undefined> => {
    const counts = await reader.read()
    if (counts !== undefined) {
      requestsPerSecond = Math.max(0, counts.requests - last.requests)
      last = counts
    }
    return counts
  }
  return {
    read: async () => void (await read()),
    startTimeline: async () => {
      timeline = createTimeline((await reader.read()) ?? last)
    },
    addSecond: async (atMs) => {
      const counts = await read()
      const sample = messages.drainSample()
      const point = timeline?.add(atMs, counts, sample)
      if (point !== undefined) p95Ms = point.p95Ms
      else if (counts === undefined) p95Ms = toPercentiles(sample).p95Ms ?? p95Ms
    },
    lastSecond: () => ({ requestsPerSecond, p95Ms, errors: timeline?.errors() ?? 0 }),
    timeline: () => timeline,
  }
}
