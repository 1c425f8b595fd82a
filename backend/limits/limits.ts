import { eq, sql } from '../db/drizzle.ts'
import { createBackgroundScope, defineStatement, schema } from '../db/index.ts'
import { toNetwork } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import { RateLimiter } from './limiter.ts'
import type { LimiterDependencies, Policy } from './limiter.ts'

const { rateLimitSettings } = schema
const p = sql.placeholder

const readLimit = defineStatement('rate_limit_settings.read', (db) =>
  db
    .select({ limit: rateLimitSettings.limit })
    .from(rateLimitSettings)
    .where(eq(rateLimitSettings.policy, p('policy'))),
)

const writeLimit = defineStatement('rate_limit_settings.write', (db) =>
  db
    .insert(rateLimitSettings)
    .values({ policy: p('policy'), limit: p('limit') })
    .onConflictDoUpdate({ target: rateLimitSettings.policy, set: { limit: sql`${p('limit')}::bigint` } })
    .returning({ limit: rateLimitSettings.limit }),
)

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
    for (const { policy, limit } of Object.values(this.#limiters))
      metrics.rateLimitConfig.set({ policy, limit: String(limit), window: '60s' }, 1)
    metrics.observeLimits(() =>
      Object.values(this.#limiters).map((limiter) => ({
        policy: limiter.policy,
        ratio: limiter.measureUtilization(),
      })),
    )
    this.#timer = setInterval(() => void this.#tidy(), 1000)
    this.#timer.unref()
  }

  count(scope: Scope, policy: Policy): Promise<void> | undefined {
    if (this.#dependencies.isSwitchedOff()) return undefined
    const userId = policy === 'user' ? scope.principal?.userId : undefined
    return this.#limiters[policy].count(scope, userId ?? toNetwork(scope.address))
  }

  /** Compares the limits with those of the last start, and reports changes as security events. */
  async reportChanges(): Promise<void> {
    const { database, events, perMinute } = this.#dependencies
    for (const policy of ['user', 'auth'] as const) {
      const limit = perMinute[policy]
      const [before] = await database.run(createBackgroundScope(5000), readLimit, { policy })
      if (before?.limit === limit) continue
      await database.run(createBackgroundScope(5000), writeLimit, { policy, limit })
      if (before !== undefined)
        events.security('ratelimit.config_changed', undefined, { policy, before: before.limit, now: limit })
    }
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #tidy(): Promise<void> {
    // A share that cannot be returned is lost to its caller until the window ends, which needs no log line.
    await Promise.all(
      Object.values(this.#limiters).map((limiter) => limiter.returnUnused().catch(() => undefined)),
    )
  }
}
