import { networkOf } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import type { Events } from './events.ts'
import type { Metrics } from './registry.ts'
import { Tally, LastSeen } from './windows.ts'

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
