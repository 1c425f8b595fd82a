import type { TimelinePoint } from '../../../record/index.ts'

/** A stretch of a run: rates are per second, `p95Ms` the highest of its seconds. */
export interface Stretch {
  fromSecond: number
  requestsPerSecond: number
  errorsPerSecond: number
  p95Ms: number | undefined
}

const mostStretches = 240

/**
 * A timeline of one entry a second, as at most 240 stretches of equal length, so that a run of a day makes a picture too.
 * Requests and errors are averaged over a stretch; of p95 the worst is kept, since percentiles cannot be averaged.
 */
export function stretchesOf(timeline: readonly TimelinePoint[]): { seconds: number; stretches: Stretch[] } {
  const last = timeline.reduce((most, { atMs }) => Math.max(most, atMs), 0)
  const seconds = Math.max(1, Math.ceil((last / 1000 + 1) / mostStretches))
  const groups = Map.groupBy(timeline, ({ atMs }) => Math.floor(atMs / 1000 / seconds))
  const stretches = [...groups].toSorted(([a], [b]) => a - b).map(([index, points]) => stretchOf(index * seconds, points))
  return { seconds, stretches }
}

function stretchOf(fromSecond: number, points: readonly TimelinePoint[]): Stretch {
  const sum = (pick: (point: TimelinePoint) => number): number => points.reduce((total, point) => total + pick(point), 0)
  const p95s = points.flatMap(({ p95Ms }) => p95Ms ?? [])
  return {
    fromSecond,
    requestsPerSecond: sum(({ requests }) => requests) / points.length,
    errorsPerSecond: sum(({ errors }) => errors) / points.length,
    p95Ms: p95s.length === 0 ? undefined : p95s.reduce((a, b) => Math.max(a, b)),
  }
}
