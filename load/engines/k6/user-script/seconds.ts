import { quantile, roundMicros } from '../../../../record/index.ts'
import type { TimelinePoint } from '../../../../record/index.ts'
import type { LoadProgress } from '../../../engine.ts'
import { latencyBuckets } from './latency-buckets.ts'
import type { LatencyBuckets } from './latency-buckets.ts'

/** One second of a script's run. */
export interface Second {
  requests: number
  errors: number
  /** Until it is closed. */
  latencies: LatencyBuckets | undefined
  p95Ms: number | undefined
}

export interface Seconds {
  /** The second of a moment, in milliseconds since the first sample. */
  at: (sinceMs: number) => Second
  timeline: () => TimelinePoint[]
  /** Figures of the last whole second. */
  now: () => Pick<LoadProgress, 'requestsPerSecond' | 'p95Ms'>
}

/** Samples come up to a flush late, so a second is whole when another one this much later has begun. */
const open = 3
/** A clock set forward in the middle of a run must not fill the memory with empty seconds. */
const most = 24 * 3600

export function scriptSeconds(): Seconds {
  const seconds: Second[] = []
  const at = (sinceMs: number): Second => {
    const index = Math.min(most - 1, Math.max(0, Math.floor(sinceMs / 1000)))
    while (seconds.length <= index) {
      seconds.push({ requests: 0, errors: 0, latencies: latencyBuckets(), p95Ms: undefined })
      close(seconds[seconds.length - 1 - open])
    }
    return seconds[index] ?? { requests: 0, errors: 0, latencies: undefined, p95Ms: undefined }
  }
  return {
    at,
    timeline: () => {
      for (const second of seconds) close(second)
      return seconds.map(({ requests, errors, p95Ms }, index) => ({
        atMs: index * 1000,
        requests,
        errors,
        ...(p95Ms !== undefined && { p95Ms }),
      }))
    },
    now: () => {
      const whole = seconds.at(-2)
      return {
        requestsPerSecond: whole?.requests ?? 0,
        p95Ms: whole?.latencies ? p95Of(whole.latencies) : whole?.p95Ms,
      }
    },
  }
}

function close(second: Second | undefined): void {
  if (second?.latencies === undefined) return
  second.p95Ms = p95Of(second.latencies)
  second.latencies = undefined
}

function p95Of(latencies: LatencyBuckets): number | undefined {
  const p95Ms = quantile(latencies.histogram(), 0.95)
  return Number.isNaN(p95Ms) ? undefined : roundMicros(p95Ms)
}
