import type { TimelinePoint } from '../../../record/index.ts'

/** A stretch of a run: rates are per second, `p95Ms` the highest of its seconds. */
export interface Stretch {
  fromSecond: number
  requestsPerSecond: number
  errorsPerSecond: number
  p95Ms: number | undefined
}

export interface Timeline {
  /** Length of a stretch. */
  seconds: number
  stretches: Stretch[]
}

const mostStretches = 240

/**
 * A timeline of one entry a second, as at most 240 stretches of equal length, so that a run of a day makes a picture too.
 * Requests and errors are averaged over a stretch; of p95 the worst is kept, since percentiles cannot be averaged. A
 * stretch without an entry had no request: it is drawn as nothing, not bridged.
 */
export function stretchesOf(timeline: readonly TimelinePoint[]): Timeline {
  const last = timeline.reduce((most, { atMs }) => Math.max(most, atMs), 0)
  const seconds = Math.max(1, Math.ceil((Math.floor(last / 1000) + 1) / mostStretches))
  if (timeline.length === 0) return { seconds, stretches: [] }
  const groups = Map.groupBy(timeline, ({ atMs }) => Math.floor(atMs / 1000 / seconds))
  const length = Math.floor(last / 1000 / seconds) + 1
  return {
    seconds,
    stretches: Array.from({ length }, (_, index) => stretchOf(index * seconds, groups.get(index) ?? [])),
  }
}

function stretchOf(fromSecond: number, points: readonly TimelinePoint[]): Stretch {
  const mean = (pick: (point: TimelinePoint) => number): number =>
    points.reduce((total, point) => total + pick(point), 0) / Math.max(points.length, 1)
  const p95s = points.flatMap(({ p95Ms }) => p95Ms ?? [])
  return {
    fromSecond,
    requestsPerSecond: mean(({ requests }) => requests),
    errorsPerSecond: mean(({ errors }) => errors),
    p95Ms: p95s.length === 0 ? undefined : p95s.reduce((a, b) => Math.max(a, b)),
  }
}
