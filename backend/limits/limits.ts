import { backgroundScope } from '../db/index.ts'
import { networkOf } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import { RateLimiter } from './limiter.ts'
import type { LimiterDependencies, Policy } from './limiter.ts'
import { readLimit, writeLimit } from './statements.ts'

export interface LimitsDependencies extends LimiterDependencies {
  perMinute: Readonly<Record<Policy, number>>
  /** Fault injection's switch. */
  switchedOff: () => boolean
}

/** The rate limits: per user for what belongs to one, per address for logins and the like. */
export class Limits {
  readonly #with: LimitsDependencies
  readonly #limiters: Readonly<Record<Policy, RateLimiter>>
  readonly #timer: NodeJS.Timeout

  constructor(dependencies: LimitsDependencies) {
    const { perMinute, metrics } = dependencies
    this.#with = dependencies
    this.#limiters = {
      user: new RateLimiter('user', perMinute.user, dependencies),
      auth: new RateLimiter('auth', perMinute.auth, dependencies),
    }
    for (const { policy, limit } of Object.values(this.#limiters))
      metrics.rateLimitConfig.set({ policy, limit: String(limit), window: '60s' }, 1)
    metrics.observeLimits(() =>
      Object.values(this.#limiters).map((limiter) => ({
        policy: limiter.policy,
        ratio: limiter.utilization(),
      })),
    )
    this.#timer = setInterval(() => void this.#tidy(), 1000)
    this.#timer.unref()
  }

  take(scope: Scope, policy: Policy): Promise<void> | undefined {
    if (this.#with.switchedOff()) return undefined
    const userId = policy === 'user' ? scope.principal?.userId : undefined
    return this.#limiters[policy].take(scope, userId ?? networkOf(scope.address))
  }

  /** Compares with the limits of the last start, and writes a security event for those that changed. */
  async reportChanges(): Promise<void> {
    const { database, events, perMinute } = this.#with
    for (const policy of ['user', 'auth'] as const) {
      const limit = perMinute[policy]
      const [before] = await database.run(backgroundScope(5000), readLimit, { policy })
      if (before?.limit === limit) continue
      await database.run(backgroundScope(5000), writeLimit, { policy, limit })
      if (before !== undefined)
        events.security('ratelimit.config_changed', undefined, { policy, before: before.limit, now: limit })
    }
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #tidy(): Promise<void> {
    // What cannot be given back now is lost to its callers until their window ends: no harm worth a log line.
    await Promise.all(Object.values(this.#limiters).map((limiter) => limiter.tidy().catch(() => undefined)))
  }
}
