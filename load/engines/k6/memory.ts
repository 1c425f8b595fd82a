/*
 * k6 reads each answer that a step looks at whole, of any size, and has no limit of its own. The kernel's
 * limit on a process's data holds whatever the target sends: k6 then ends, and its last words say why.
 */

const mebibyte = 1024 * 1024
/** Journeys at any rate that k6 can make stay below: 400 virtual users take 200 MB. */
const mostBytes = 1536 * mebibyte
const leastBytes = 256 * mebibyte
/** k6 is not alone: the target may run here too. */
const freeShare = 0.5
/** Above this share of the limit k6 collects its garbage as often as it must. */
const collectShare = 2 / 3

/**
 * The memory that k6 may use, of several that share this machine. A user's script may need more than journeys
 * do: it may hold data of its own.
 */
export function limitMemory(kind: 'journeys' | 'script', freeBytes: number, processes = 1): number {
  const most = kind === 'journeys' ? mostBytes : Number.POSITIVE_INFINITY
  return Math.floor(Math.max(leastBytes, Math.min(most, (freeBytes * freeShare) / processes)))
}

/** Go's own, soft limit, for its garbage collector. */
export function collectionLimit(limitBytes: number): string {
  return String(Math.floor(limitBytes * collectShare))
}

/** The command with the limit, in the same process. A lower limit of the user's is kept. */
export function withMemoryLimit(limitBytes: number, command: readonly string[]): [string, ...string[]] {
  const script = 'ulimit -d "$0" 2>/dev/null; exec "$@"'
  return ['/bin/sh', '-c', script, String(Math.floor(limitBytes / 1024)), ...command]
}

/**
 * Whether a line of k6's log is one with which Go ends a process that gets no more memory: for its heap, its
 * own tables or the stack of a thread.
 */
export function reportsMemoryEnd(line: string): boolean {
  return /^(?:fatal error|runtime(?:\/cgo)?): .*(?:memory|map pages|pthread_create|new OS thread)/.test(line)
}

/** Why a run that was measured is invalid, if k6 was its limit. */
export const largeBodiesReason =
  'k6 read bodies of more than 4 MiB, each of them whole: lower the rate, or request less'

/** Why there is no measurement, for the reader. */
export function describeMemoryEnd(limitBytes: number): string {
  return (
    `k6 needed more memory than the ${Math.round(limitBytes / mebibyte)} MiB that it may use: ` +
    'the answers of the target are too large for this rate; lower it, or request less'
  )
}
