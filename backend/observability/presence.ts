import QuickLRU from 'quick-lru'
import { toNetwork } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import type { Events } from './events.ts'
import type { Metrics, PresenceCounts } from './registry.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
const activeWindows = { '5m': 5 * minuteMs, '1h': 60 * minuteMs, '24h': dayMs } as const
const features = ['export', 'import', 'bulk'] as const

export type Feature = (typeof features)[number]

/**
 * Active users, users of each feature, and addresses with failed authentication: gauges over sliding windows,
 * for this instance.
 */
export class Presence {
  readonly #users = new RecentTimes(1, 100_000)
  // Ten failures in a quarter of an hour are not a forgotten password.
  readonly #failures = new RecentTimes(10, 10_000)
  // Thirty files or bulk operations in a quarter of an hour are not normal use.
  readonly #uses = new Map(features.map((feature) => [feature, new RecentTimes(30, 20_000)]))
  readonly #events: Events
  readonly #now: () => number

  constructor(metrics: Metrics, events: Events, now: () => number) {
    this.#events = events
    this.#now = now
    metrics.observe({ presence: () => this.#count() })
  }

  noteUser(userId: string): void {
    this.#users.note(userId, this.#now())
  }

  noteFeatureUse(feature: Feature, userId: string): void {
    if (this.#uses.get(feature)?.note(userId, this.#now()) === true)
      this.#events.security('usage.unusual', undefined, { userId, feature })
  }

  noteFailedAttempt(scope: Scope): void {
    if (this.#failures.note(toNetwork(scope.address), this.#now()))
      this.#events.security('auth.address.suspicious', scope)
  }

  #count(): PresenceCounts {
    const now = this.#now()
    const windows = Object.entries(activeWindows)
    return {
      active: windows.map(([window, ms]) => [{ window }, this.#users.countSince(now - ms)]),
      features: [...this.#uses].map(([feature, times]) => [{ feature }, times.countSince(now - dayMs)]),
      suspicious: this.#failures.countSince(now - frequencyWindowMs, 10),
    }
  }
}

const frequencyWindowMs = 15 * minuteMs

/**
 * The last `limit` times at which each id occurred, for at least `max` ids. Beyond that, ids that did not
 * occur for the longest time are dropped.
 */
class RecentTimes {
  readonly #limit: number
  readonly #times: QuickLRU<string, number[]>

  constructor(limit: number, max: number) {
    this.#limit = limit
    this.#times = new QuickLRU({ maxSize: max })
  }

  /** Records `id`. Returns whether it has now, and had not before, occurred `limit` times in 15 minutes. */
  note(id: string, nowMs: number): boolean {
    const times = this.#times.get(id) ?? []
    const sinceMs = nowMs - frequencyWindowMs
    const wasFrequent = occurred(times, this.#limit, sinceMs)
    times.push(nowMs)
    if (times.length > this.#limit) times.shift()
    this.#times.set(id, times)
    return !wasFrequent && occurred(times, this.#limit, sinceMs)
  }

  /** Counts the ids that occurred at least `least` times after `sinceMs`. */
  countSince(sinceMs: number, least = 1): number {
    let count = 0
    for (const times of this.#times.values()) if (occurred(times, least, sinceMs)) count += 1
    return count
  }
}

function occurred(times: readonly number[], least: number, sinceMs: number): boolean {
  return (times.at(-least) ?? Number.NEGATIVE_INFINITY) > sinceMs
}
