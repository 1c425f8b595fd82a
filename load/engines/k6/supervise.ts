import type { Child, ChildEnd } from '../../../runtime/processes/index.ts'
import type { Watch } from './watch.ts'

export interface Supervised {
  end: ChildEnd
  interrupted: boolean
  /** Why it was ended by us, because its time was up. */
  overdue: string | undefined
}

/** SIGINT lets k6 stop its users and write a summary, which takes it a moment for each of thousands of quantiles. */
const goodOrderMs = 3000
const startLimitMs = 60_000
const startLimitForUserMs = 50
const endLimitMs = 60_000

/**
 * Waits for k6 to end, and sees to it that it does: on the signal in good order or else soon, and in any case some time
 * after it should have.
 *
 * @param expected users it makes before it begins, and how long it runs then; undefined when its script decides
 */
export async function supervise(
  child: Child,
  watch: Pick<Watch, 'stop' | 'hasStarted'>,
  expected: { users: number; runMs: number } | undefined,
  signal: AbortSignal,
): Promise<Supervised> {
  let interrupted = false
  let overdue: string | undefined
  const timers: NodeJS.Timeout[] = []
  const after = (ms: number, then: () => void): void => void timers.push(setTimeout(then, ms))
  const kill = (reason: string): void => {
    overdue ??= reason
    child.signal('SIGKILL')
  }
  const interrupt = (): void => {
    interrupted = true
    watch.stop()
    child.signal('SIGINT')
    after(goodOrderMs, () => child.signal('SIGKILL'))
  }
  if (signal.aborted) interrupt()
  signal.addEventListener('abort', interrupt, { once: true })
  if (expected !== undefined) {
    const startMs = startLimitMs + expected.users * startLimitForUserMs
    after(startMs, () => watch.hasStarted() || kill(`k6 had not begun after ${Math.round(startMs / 1000)} s`))
    after(startMs + expected.runMs + endLimitMs, () => kill('k6 did not end in its time'))
  }
  const end = await child.ended
  signal.removeEventListener('abort', interrupt)
  for (const timer of timers) clearTimeout(timer)
  watch.stop()
  return { end, interrupted, overdue }
}

/** Does `work` with a child, and ends the child should that fail: an error of ours must not leave k6 loading the target. */
export async function orEnd<T>(child: Child, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await child.stop(goodOrderMs)
    throw error
  }
}
