import { sql } from '../db/drizzle.ts'
import { schema } from '../db/index.ts'
import { toNetwork } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import { RateLimiter } from './limiter.ts'
import type { LimiterDependencies, Policy } from './limiter.ts'

const { rateLimitSettings } = schema

export interface LimitsDependencies extends LimiterDependencies {
  perMinute: Readonly<Record<Policy, number>>
  /** Whether a fault disables the limits. */
  isSwitchedOff: () => boolean
}

/** The rate limits: per user for requests with a token, per address for authentication. */
export class Limits {
  readonly #dependencies: LimitsDependencies
  readonly #limiters: Readonly<Record<Policy, RateLimiter>>
  readonly #timer: NodeJS.Timeout

  constructor(dependencies: LimitsDependencies) {
    const { perMinute, metrics } = dependencies
    this.#dependencies = dependencies
    this.#limiters = {
      user: new RateLimiter('user', perMinute.user, dependencies),
      auth: new RateLimiter('auth', perMinute.auth, dependencies),
    }
    const limiters = Object.values(this.#limiters)
    for (const { policy, limit } of limiters)
      metrics.rateLimitConfig.set({ policy, limit: String(limit), window: '60s' }, 1)
    metrics.observe({
      limits: () =>
        limiters.map((limiter) => ({ policy: limiter.policy, ratio: limiter.measureUtilization() })),
    })
    // A share that cannot be returned is lost to its caller until the window ends, which needs no log line.
    const tidy = (): void => limiters.forEach((limiter) => void limiter.returnUnused().catch(() => undefined))
    this.#timer = setInterval(tidy, 1000).unref()
  }

  count(scope: Scope, policy: Policy): Promise<void> | undefined {
    if (this.#dependencies.isSwitchedOff()) return undefined
    const userId = policy === 'user' ? scope.principal?.userId : undefined
    return this.#limiters[policy].count(scope, userId ?? toNetwork(scope.address))
  }

  /** Compares the limits with those of the last start, and reports changes as security events. */
  async reportChanges(): Promise<void> {
    const { database, events, perMinute } = this.#dependencies
    const settings = (['user', 'auth'] as const).map((policy) => ({ policy, limit: perMinute[policy] }))
    const rows = await database.queryInBackground('rate_limit_settings.write', (db) =>
      db
        .insert(rateLimitSettings)
        .values(settings)
        .onConflictDoUpdate({ target: rateLimitSettings.policy, set: { limit: sql`excluded."limit"` } })
        .returning({
          policy: rateLimitSettings.policy,
          now: rateLimitSettings.limit,
          before: sql<number | null>`old."limit"::float8`,
        }),
    )
    for (const { policy, before, now } of rows)
      if (before !== null && before !== now)
        events.security('ratelimit.config_changed', undefined, { policy, before, now })
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
