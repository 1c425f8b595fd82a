/** Milliseconds since 1970 by the wall clock. Only labels use it; durations come from the monotonic clock. */
export type WallClock = () => number
/** Uniform in [0, 1). */
export type Random = () => number

/** An id that sorts by time and that two runs of one millisecond do not share: `20261124-041500-123-browse-k3f9`. */
export function runId(now: WallClock, random: Random, name: string): string {
  const time = new Date(now()).toISOString().replace(/[-:Z]/g, '').replace('T', '-').replace('.', '-')
  const salt = Math.floor(random() * 36 ** 4)
    .toString(36)
    .padStart(4, '0')
  return `${time}-${name.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 64)}-${salt}`
}
