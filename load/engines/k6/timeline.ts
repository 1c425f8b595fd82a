import { histogramOf, quantile, roundMicros } from '../../../record/index.ts'
import type { TimelinePoint } from '../../../record/index.ts'
import type { LoadProgress } from '../../engine.ts'
import type { LiveCounts, LiveReader } from './live.ts'
import type { Messages } from './messages.ts'

/** The measurement second by second, from what k6 had counted by the end of each. */
export interface Timeline {
  points: TimelinePoint[]
  /** Milliseconds after the measurement began at which arrivals were first seen to be dropped: the second's beginning. */
  firstDroppedMs: () => number | undefined
  /** Errors of the measurement so far. */
  errors: () => number
  /** Adds a second that ended at `atMs`; undefined when k6 did not tell, and the next one covers both. */
  add: (
    atMs: number,
    counts: LiveCounts | undefined,
    sampleMs: readonly number[],
  ) => TimelinePoint | undefined
}

/** What is left behind the last whole second is no second. */
const shortestMs = 100
/** A p95 of fewer would be their maximum. */
const leastForP95 = 20

/**
 * @param start what k6 had counted when the measurement began: the warm-up's requests
 */
export function timelineFrom(start: LiveCounts): Timeline {
  const points: TimelinePoint[] = []
  let last = start
  let lastAtMs = 0
  let firstDroppedMs: number | undefined
  let errors = 0
  const add: Timeline['add'] = (atMs, counts, sampleMs) => {
    if (counts === undefined || atMs - lastAtMs < shortestMs) return undefined
    const dropped = Math.max(0, counts.dropped - last.dropped)
    const failed = Math.max(0, counts.failed - last.failed) + dropped
    const point: TimelinePoint = {
      atMs: lastAtMs,
      requests: Math.max(0, counts.requests - last.requests) + dropped,
      errors: failed,
      ...p95Of(sampleMs),
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

function p95Of(sampleMs: readonly number[]): { p95Ms?: number } {
  return sampleMs.length < leastForP95 ? {} : { p95Ms: roundMicros(quantile(histogramOf(sampleMs), 0.95)) }
}

/** A run's last second, and its measurement's seconds, read from k6 while it runs. */
export interface LiveSeconds {
  /** Looks at k6 outside of the measurement. */
  look: () => Promise<void>
  /** The measurement begins now. */
  begin: () => Promise<void>
  /** A second of the measurement has ended. */
  end: (atMs: number) => Promise<void>
  now: () => Pick<LoadProgress, 'requestsPerSecond' | 'p95Ms' | 'errors'>
  /** Undefined when the measurement never began. */
  timeline: () => Timeline | undefined
}

export function liveSeconds(reader: LiveReader, messages: Pick<Messages, 'takeSample'>): LiveSeconds {
  let timeline: Timeline | undefined
  let last: LiveCounts = { requests: 0, failed: 0, dropped: 0 }
  let requestsPerSecond = 0
  let p95Ms: number | undefined
  const look = async (): Promise<LiveCounts | undefined> => {
    const counts = await reader.read()
    if (counts !== undefined) {
      requestsPerSecond = Math.max(0, counts.requests - last.requests)
      last = counts
    }
    return counts
  }
  return {
    look: async () => void (await look()),
    begin: async () => {
      timeline = timelineFrom((await reader.read()) ?? last)
    },
    end: async (atMs) => {
      const counts = await look()
      const point = timeline?.add(atMs, counts, messages.takeSample())
      if (point !== undefined) p95Ms = point.p95Ms
    },
    now: () => ({ requestsPerSecond, p95Ms, errors: timeline?.errors() ?? 0 }),
    timeline: () => timeline,
  }
}
