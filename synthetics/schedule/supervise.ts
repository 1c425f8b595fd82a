import type { Clock } from './clock.ts'

/** What became of a run: its result, or that it did not come to an end although it was told to. */
export type Supervised<T> =
  | { state: 'done'; result: T; overdue: boolean }
  | { state: 'hung' }
  | { state: 'threw'; reason: string }

/** After being told to end, a run has this long to clean up. */
export const cleanUpMs = 3500

/**
 * Runs something that must end. At its deadline, or when `stop` is aborted, its signal is; what does not end even then is
 * left behind, so that it can block neither the schedule nor our own end.
 */
export async function supervise<T>(
  run: (signal: AbortSignal) => Promise<T>,
  deadlineMs: number,
  clock: Clock,
  stop: AbortSignal,
): Promise<Supervised<T>> {
  const told = new AbortController()
  const left = Promise.withResolvers<Supervised<T>>()
  let overdue = false
  let cancelLeaving: (() => void) | undefined
  const tell = (): void => {
    if (told.signal.aborted) return
    told.abort()
    cancelLeaving = clock.after(cleanUpMs, () => left.resolve({ state: 'hung' }))
  }
  const cancelDeadline = clock.after(deadlineMs, () => {
    overdue = true
    tell()
  })
  stop.addEventListener('abort', tell)
  if (stop.aborted) tell()
  try {
    const done = run(told.signal).then((result): Supervised<T> => ({ state: 'done', result, overdue }))
    return await Promise.race([done, left.promise])
  } catch (error) {
    return { state: 'threw', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    cancelDeadline()
    cancelLeaving?.()
    stop.removeEventListener('abort', tell)
  }
}
