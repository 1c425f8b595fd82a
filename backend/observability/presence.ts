import { networkOf } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import type { Events } from './events.ts'
import type { Metrics } from './registry.ts'

const minute = 60_000
const activeWindows = { '5m': 5 * minute, '1h': 60 * minute, '24h': 24 * 60 * minute } as const
const features = ['export', 'import', 'bulk'] as const

export type Feature = (typeof features)[number]

/** Who uses the service, who uses what of it, and who tries to get in: gauges over sliding windows, of this instance. */
export class Presence {
  readonly #users = new LastSeen(100_000)
  readonly #features = new Map(features.map((feature) => [feature, new LastSeen(20_000)]))
  // Ten failures in a quarter of an hour are no forgotten password.
  readonly #failures = new Tally(10, 15 * minute, 10_000)
  // Thirty files or bulk operations in a quarter of an hour are no user at work.
  readonly #uses = new Map(features.map((feature) => [feature, new Tally(30, 15 * minute, 10_000)]))
  readonly #events: Events
  readonly #now: () => number

  constructor(metrics: Metrics, events: Events, now: () => number) {
    this.#events = events
    this.#now = now
    metrics.observePresence(() => this.#counts())
  }

  userSeen(userId: string): void {
    this.#users.note(userId, this.#now())
  }

  featureUsed(feature: Feature, userId: string): void {
    const now = this.#now()
    this.#features.get(feature)?.note(userId, now)
    if (this.#uses.get(feature)?.note(userId, now) === true)
      this.#events.security('usage.unusual', undefined, { userId, feature })
  }

  attemptFailed(scope: Scope): void {
    if (this.#failures.note(networkOf(scope.address), this.#now()))
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
 * When somebody was last seen, for at most `max` of them: enough to count who was there in a sliding window. Beyond
 * that the one not seen for longest is forgotten.
 */
export class LastSeen {
  readonly #max: number
  readonly #seen = new Map<string, number>()

  constructor(max: number) {
    this.#max = max
  }

  /** Notes `id` at `nowMs`. Noted again within a second it is left as it is: this runs for every request. */
  note(id: string, nowMs: number): void {
    const before = this.#seen.get(id)
    if (before !== undefined && nowMs - before < 1000) return
    // Deleted and set again it is the newest: the map is in order of time.
    this.#seen.delete(id)
    this.#seen.set(id, nowMs)
    if (this.#seen.size <= this.#max) return
    const [oldest] = this.#seen.keys()
    if (oldest !== undefined) this.#seen.delete(oldest)
  }

  /** How many were seen after `sinceMs`. */
  countSince(sinceMs: number): number {
    let count = 0
    for (const seen of this.#seen.values()) if (seen > sinceMs) count += 1
    return count
  }
}

/** Who did something `limit` times within `windowMs`; keeps the last `limit` times of at most `max` of them. */
export class Tally {
  readonly #limit: number
  readonly #windowMs: number
  readonly #max: number
  readonly #times = new Map<string, number[]>()

  constructor(limit: number, windowMs: number, max: number) {
    this.#limit = limit
    this.#windowMs = windowMs
    this.#max = max
  }

  /** Counts one more; true for the one that reaches the limit. */
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
