/**
 * Something that is drilled: what of the stage it needs for itself, and what it spoils for others besides. Two that need the
 * same, or of which one spoils what the other needs, do not run at once; two that spoil the same do.
 */
export interface Schedulable {
  exclusive: readonly string[]
  disturbs?: readonly string[]
}

/**
 * Runs everything, as much at once as does not disturb each other, first come first served. `*` disturbs everything.
 * Ends early, with what is running, when `stopped`.
 */
export async function runAtOnce<T extends Schedulable>(
  all: readonly T[],
  run: (one: T) => Promise<void>,
  stopped: () => boolean,
): Promise<void> {
  const waiting = [...all]
  const running = new Map<T, Promise<void>>()
  while (waiting.length > 0 || running.size > 0) {
    for (const one of stopped() ? [] : startable(waiting, [...running.keys()])) {
      waiting.splice(waiting.indexOf(one), 1)
      running.set(
        one,
        run(one).finally(() => running.delete(one)),
      )
    }
    if (running.size === 0) return
    await Promise.race(running.values())
  }
}

/** Those that may start now. One that disturbs everything is let through as soon as it is its turn: nothing overtakes it. */
export function startable<T extends Schedulable>(waiting: readonly T[], running: readonly T[]): T[] {
  const started: T[] = []
  for (const one of waiting) {
    const free = [...running, ...started].every((other) => !disturb(one, other))
    if (free) started.push(one)
    else if (one.exclusive.includes('*')) break
  }
  return started
}

function disturb(a: Schedulable, b: Schedulable): boolean {
  if (a.exclusive.includes('*') || b.exclusive.includes('*')) return true
  return meet(a.exclusive, b.exclusive) || meet(a.exclusive, b.disturbs) || meet(a.disturbs, b.exclusive)
}

function meet(some: readonly string[] = [], others: readonly string[] = []): boolean {
  return some.some((touched) => others.includes(touched))
}
