import { sql } from '../db/drizzle.ts'
import { createBackgroundScope, defineStatement, schema } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import type { Events, Metrics } from '../observability/index.ts'

const { rateLimits } = schema
const p = sql.placeholder

export type Policy = 'user' | 'auth'

export interface LimiterDependencies {
  database: Database
  metrics: Metrics
  events: Events
  now: () => number
}

/** What this instance may still grant a caller without a query. */
interface Lease {
  left: number
  /** The rest of the shared count at the last query. */
  sharedLeft: number
  windowEndsAt: string
  /** Local clock. */
  endsAtMs: number
  usedAtMs: number
  /** Nothing is left: no query before this time. */
  refusedUntilMs: number
  /** In this window. */
  refusals: number
  pendingGrant: Promise<void> | undefined
}

/** A share of a caller's remaining requests, granted to an instance. */
interface Grant {
  granted: number
  used: number
  leftMs: number
  windowEndsAt: string
}

/**
 * Grants a sixteenth of what `key` has left in its window, at least one and never more than the rest. Opens a
 * new window after the last one. Instances share the row, so together they never grant more than the limit.
 */
const grantShare = defineStatement('rate_limits.take', (db) => {
  const limit = sql`${p('limit')}::bigint`
  const first = sql`${p('first')}::bigint`
  const windowEnd = sql`now() + ${p('windowMs')}::int * interval '1 millisecond'`
  const over = sql`${rateLimits.windowEndsAt} <= now()`
  const left = sql`greatest(0, ${limit} - ${rateLimits.used})`
  const share = sql`least(greatest(1, ${left} / 16), ${left})`
  return db
    .insert(rateLimits)
    .values({ key: p('key'), used: sql`${first}`, granted: sql`${first}`, windowEndsAt: sql`${windowEnd}` })
    .onConflictDoUpdate({
      target: rateLimits.key,
      set: {
        granted: sql`case when ${over} then ${first} else ${share} end`,
        used: sql`case when ${over} then ${first} else ${rateLimits.used} + ${share} end`,
        windowEndsAt: sql`case when ${over} then ${windowEnd} else ${rateLimits.windowEndsAt} end`,
      },
    })
    .returning({
      granted: rateLimits.granted,
      used: rateLimits.used,
      leftMs: sql<number>`(extract(epoch from ${rateLimits.windowEndsAt} - now()) * 1000)::int`,
      windowEndsAt: rateLimits.windowEndsAt,
    })
})

/** Returns unused grants, unless the window has changed. `unused`: JSON, `[{key, unused, ends}]`. */
const returnGrants = defineStatement('rate_limits.return', (db) =>
  db
    .update(rateLimits)
    .set({ used: sql`greatest(0, ${rateLimits.used} - v.unused)` })
    .from(sql`json_to_recordset(${p('unused')}::json) as v(key text, unused bigint, ends timestamptz)`)
    .where(sql`${rateLimits.key} = v.key and ${rateLimits.windowEndsAt} = v.ends`),
)

const windowMs = 60_000
const maxCallers = 50_000
/** Fewer refusals in a window are normal retries, even with a low limit. */
const minAbuseRefusals = 20

/**
 * A fixed number of requests per caller, in windows of a minute that start with the first request. The count
 * is in the database, shared by all instances. An instance acquires a sixteenth of the rest at a time, so
 * that most requests use only memory; near the limit it acquires single requests, so that the limit is exact.
 * It returns unused shares after a second.
 */
export class RateLimiter {
  readonly policy: Policy
  readonly limit: number
  readonly #dependencies: LimiterDependencies
  readonly #leases = new Map<string, Lease>()
  readonly #policyHeader: string
  readonly #first: number

  constructor(policy: Policy, limit: number, dependencies: LimiterDependencies) {
    this.policy = policy
    this.limit = limit
    this.#dependencies = dependencies
    this.#policyHeader = `"${policy}";q=${limit};w=${windowMs / 1000}`
    this.#first = Math.max(1, Math.floor(limit / 16))
  }

  /**
   * Counts a request of `caller`. Throws a `Problem` above the limit. Waits only if the local share is used
   * up.
   */
  count(scope: Scope, caller: string): Promise<void> | undefined {
    const lease = this.#findLease(caller)
    return this.#spend(scope, lease) ? undefined : this.#takeShared(scope, caller, lease)
  }

  /** The share of its limit that the busiest caller has used. */
  measureUtilization(): number {
    const now = this.#dependencies.now()
    let least = this.limit
    for (const lease of this.#leases.values()) {
      if (lease.endsAtMs > now) least = Math.min(least, lease.sharedLeft + lease.left)
    }
    return 1 - least / this.limit
  }

  /** Returns shares that were unused for a second, and removes expired windows. */
  async returnUnused(): Promise<void> {
    const now = this.#dependencies.now()
    const unused: { key: string; unused: number; ends: string }[] = []
    for (const [caller, lease] of this.#leases) {
      if (lease.pendingGrant !== undefined) continue
      if (lease.endsAtMs <= now) this.#leases.delete(caller)
      else if (
        lease.left > 0 &&
        lease.usedAtMs < now - 1000 &&
        lease.sharedLeft < this.limit / 2 &&
        unused.length < 1000
      ) {
        unused.push({ key: this.#key(caller), unused: lease.left, ends: lease.windowEndsAt })
        this.#leases.delete(caller)
      }
    }
    if (unused.length > 0)
      await this.#dependencies.database.run(createBackgroundScope(2000), returnGrants, {
        unused: JSON.stringify(unused),
      })
  }

  #findLease(caller: string): Lease {
    const known = this.#leases.get(caller)
    if (known !== undefined) return known
    if (this.#leases.size >= maxCallers) this.#forgetOldest()
    const made: Lease = {
      left: 0,
      sharedLeft: this.limit,
      windowEndsAt: '',
      endsAtMs: 0,
      usedAtMs: 0,
      refusedUntilMs: 0,
      refusals: 0,
      pendingGrant: undefined,
    }
    this.#leases.set(caller, made)
    return made
  }

  #forgetOldest(): void {
    const [oldest] = this.#leases.keys()
    if (oldest !== undefined) this.#leases.delete(oldest)
  }

  #spend(scope: Scope, lease: Lease): boolean {
    const now = this.#dependencies.now()
    if (lease.left <= 0 || lease.endsAtMs <= now) return false
    lease.left -= 1
    lease.usedAtMs = now
    this.#describe(scope, lease, now)
    return true
  }

  async #takeShared(scope: Scope, caller: string, lease: Lease): Promise<void> {
    do {
      if (lease.refusedUntilMs > this.#dependencies.now()) this.#refuse(scope, lease)
      lease.pendingGrant ??= this.#ask(scope, caller, lease).finally(() => {
        lease.pendingGrant = undefined
      })
      await lease.pendingGrant
    } while (!this.#spend(scope, lease))
  }

  async #ask(scope: Scope, caller: string, lease: Lease): Promise<void> {
    // Within the caller's time limit, but not in its counts: these queries must not change the reported cost
    // of a request.
    const [grant] = await this.#dependencies.database.run(
      { ...createBackgroundScope(0), deadline: scope.deadline, span: scope.span },
      grantShare,
      {
        key: this.#key(caller),
        limit: this.limit,
        first: this.#first,
        windowMs,
      },
    )
    if (grant !== undefined) this.#accept(lease, grant)
  }

  #accept(lease: Lease, grant: Grant): void {
    const now = this.#dependencies.now()
    if (grant.windowEndsAt !== lease.windowEndsAt) lease.refusals = 0
    lease.left = grant.granted
    lease.sharedLeft = Math.max(0, this.limit - grant.used)
    lease.windowEndsAt = grant.windowEndsAt
    lease.endsAtMs = now + grant.leftMs
    // Other instances may return shares, so it is queried again, but not for each request.
    lease.refusedUntilMs = grant.granted > 0 ? 0 : now + Math.min(1000, grant.leftMs)
  }

  #refuse(scope: Scope, lease: Lease): never {
    const now = this.#dependencies.now()
    this.#describe(scope, lease, now)
    this.#dependencies.metrics.rateLimitHits.inc({ policy: this.policy })
    lease.refusals += 1
    // Once per caller and window, so that callers cannot fill the disk with log lines.
    if (lease.refusals === 1)
      this.#dependencies.events.security('ratelimit.refused', scope, { policy: this.policy })
    if (lease.refusals === Math.max(minAbuseRefusals, this.limit))
      this.#dependencies.events.security('ratelimit.abused', scope, {
        policy: this.policy,
        refusals: lease.refusals,
      })
    const seconds = String(Math.max(1, Math.ceil((lease.endsAtMs - now) / 1000)))
    throw new Problem('too-many-requests', {
      detail: `At most ${this.limit} requests a minute`,
      headers: { 'retry-after': seconds },
    })
  }

  // https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
  #describe(scope: Scope, lease: Lease, now: number): void {
    const seconds = Math.max(0, Math.ceil((lease.endsAtMs - now) / 1000))
    scope.headers['ratelimit-policy'] = this.#policyHeader
    scope.headers['ratelimit'] = `"${this.policy}";r=${lease.left + lease.sharedLeft};t=${seconds}`
  }

  #key(caller: string): string {
    return `${this.policy}:${caller}`
  }
}
