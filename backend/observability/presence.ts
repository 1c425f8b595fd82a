import { toNetwork } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import type { Events } from './events.ts'
import type { Metrics } from './registry.ts'

const minuteMs = 60_000
const activeWindows = { '5m': 5 * minuteMs, '1h': 60 * minuteMs, '24h': 24 * 60 * minuteMs } as const
const features = ['export', 'import', 'bulk'] as const

export type Feature = (typeof features)[number]

/**
 * Active users, users of each feature, and addresses with failed authentication: gauges over sliding windows,
 * for this instance.
 */
export class Presence {
  readonly #users = new LastSeen(100_000)
  readonly #features = new Map(features.map((feature) => [feature, new LastSeen(20_000)]))
  // Ten failures in a quarter of an hour are not a forgotten password.
  readonly #failures = new FrequencyTracker(10, 15 * minuteMs, 10_000)
  // Thirty files or bulk operations in a quarter of an hour are not normal use.
  readonly #uses = new Map(
    features.map((feature) => [feature, new FrequencyTracker(30, 15 * minuteMs, 10_000)]),
  )
  readonly #events: Events
  readonly #now: () => number

  constructor(metrics: Metrics, events: Events, now: () => number) {
    this.#events = events
    this.#now = now
    metrics.observePresence(() => this.#counts())
  }

  noteUser(userId: string): void {
    this.#users.note(userId, this.#now())
  }

  noteFeatureUse(feature: Feature, userId: string): void {
    const now = this.#now()
    this.#features.get(feature)?.note(userId, now)
    if (this.#uses.get(feature)?.note(userId, now) === true)
      this.#events.security('usage.unusual', undefined, { userId, feature })
  }

  noteFailedAttempt(scope: Scope): void {
    if (this.#failures.note(toNetwork(scope.address), this.#now()))
      this.#events.security('auth.address.suspicious', scope)
  }

  #counts() {
    const now = this.#now()
    return {
      active: Object.entries(activeWindows).map(([window, ms]) => ({
        window,
        users: this.#users.countSince(now - ms),
      })),
      features: [...this.#features].map(([feature, seen]) => ({
        feature,
        users: seen.countSince(now - activeWindows['24h']),
      })),
      suspicious: this.#failures.countOver(now),
    }
  }
}

/**
 * The last time each id was seen, for at most `max` ids, to count ids in a sliding window. Beyond that, the
 * id that was not seen for the longest time is dropped.
 */
export class LastSeen {
  readonly #max: number
  readonly #seen = new Map<string, number>()

  constructor(max: number) {
    this.#max = max
  }

  /**
   * Records `id` at `nowMs`. Skips ids recorded within the last second, because this runs for every request.
   */
  note(id: string, nowMs: number): void {
    const before = this.#seen.get(id)
    if (before !== undefined && nowMs - before < 1000) return
    // Reinserted, it is the newest entry: the map is in order of time.
    this.#seen.delete(id)
    this.#seen.set(id, nowMs)
    if (this.#seen.size <= this.#max) return
    const [oldest] = this.#seen.keys()
    if (oldest !== undefined) this.#seen.delete(oldest)
  }

  /** Counts the ids seen after `sinceMs`. */
  countSince(sinceMs: number): number {
    let count = 0
    for (const seen of this.#seen.values()) if (seen > sinceMs) count += 1
    return count
  }
}

/**
 * Detects ids that occur `limit` times within `windowMs`. Stores the last `limit` times of at most `max` ids.
 */
export class FrequencyTracker {
  readonly #limit: number
  readonly #windowMs: number
  readonly #max: number
  readonly #times = new Map<string, number[]>()

  constructor(limit: number, windowMs: number, max: number) {
    this.#limit = limit
    this.#windowMs = windowMs
    this.#max = max
  }

  /** Counts an occurrence. Returns whether it reached the limit. */
  note(id: string, nowMs: number): boolean {
    const times = this.#times.get(id) ?? []
    const before = this.#isOver(times, nowMs)
    times.push(nowMs)
    if (times.length > this.#limit) times.shift()
    this.#times.delete(id)
    this.#times.set(id, times)
    if (this.#times.size > this.#max) {
      const [oldest] = this.#times.keys()
      if (oldest !== undefined) this.#times.delete(oldest)
    }
    return !before && this.#isOver(times, nowMs)
  }

  countOver(nowMs: number): number {
    let count = 0
    for (const times of this.#times.values()) if (this.#isOver(times, nowMs)) count += 1
    return count
  }

  #isOver(times: readonly number[], nowMs: number): boolean {
    return times.length >= this.#limit && nowMs - (times[0] ?? 0) < this.#windowMs
  }
}
