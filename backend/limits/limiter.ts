import QuickLRU from 'quick-lru'
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
  /** Local clock, as the other times. */
  endsAtMs: number
  usedAtMs: number
  /** Nothing is left: no query before this time. */
  refusedUntilMs: number
  /** In this window. */
  refusals: number
  pendingGrant: Promise<void> | undefined
}

/**
 * Grants a sixteenth of what `key` has left in its window, at least one and never more than the rest. Opens a
 * new window after the last one. Instances share the row, so together they never grant more than the limit.
 */
const grantShare = defineStatement('rate_limits.take', (db) => {
  const limit = sql`${p('limit')}::bigint`
  const nextEnd = sql`now() + interval '1 minute'`
  const isOver = sql`${rateLimits.windowEndsAt} <= now()`
  const used = sql`case when ${isOver} then 0 else ${rateLimits.used} end`
  const left = sql`greatest(0, ${limit} - (${used}))`
  const granted = sql`least(greatest(1, ${left} / 16), ${left})`
  const first = sql`greatest(1, ${limit} / 16)`
  return db
    .insert(rateLimits)
    .values({ key: p('key'), used: first, granted: first, windowEndsAt: nextEnd })
    .onConflictDoUpdate({
      target: rateLimits.key,
      set: {
        granted,
        used: sql`${used} + ${granted}`,
        windowEndsAt: sql`case when ${isOver} then ${nextEnd} else ${rateLimits.windowEndsAt} end`,
      },
    })
    .returning({
      granted: rateLimits.granted,
      used: rateLimits.used,
      windowEndsAt: rateLimits.windowEndsAt,
      leftMs: sql<number>`(extract(epoch from ${rateLimits.windowEndsAt} - now()) * 1000)::int`,
    })
})

const maxCallers = 50_000
/** Fewer refusals in a window are normal retries, even with a low limit. */
const minAbuseRefusals = 20
/** After this time, an unused share returns, and a caller without requests left is looked up again. */
const idleMs = 1000
const maxReturned = 1000

/**
 * A fixed number of requests per caller, in windows of a minute that start with the first request. The count
 * is in the database, shared by all instances. An instance acquires a sixteenth of the rest at a time, so
 * that most requests use only memory; near the limit it acquires single requests, so that the limit is exact.
 * It returns unused shares after a second. docs/adr/0015 has the figures.
 */
export class RateLimiter {
  readonly policy: Policy
  readonly limit: number
  readonly #dependencies: LimiterDependencies
  readonly #leases = new QuickLRU<string, Lease>({ maxSize: maxCallers })

  constructor(policy: Policy, limit: number, dependencies: LimiterDependencies) {
    this.policy = policy
    this.limit = limit
    this.#dependencies = dependencies
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
    for (const { endsAtMs, sharedLeft, left } of this.#leases.values())
      if (endsAtMs > now) least = Math.min(least, sharedLeft + left)
    return 1 - least / this.limit
  }

  /** Returns shares that were unused for a second, unless the window has changed. Removes expired windows. */
  async returnUnused(): Promise<void> {
    const now = this.#dependencies.now()
    const unused: { key: string; unused: number; ends: string }[] = []
    for (const [caller, lease] of this.#leases) {
      if (lease.pendingGrant !== undefined || unused.length >= maxReturned) continue
      const isIdle = lease.left > 0 && lease.usedAtMs < now - idleMs && lease.sharedLeft < this.limit / 2
      if (isIdle || lease.endsAtMs <= now) this.#leases.delete(caller)
      if (isIdle && lease.endsAtMs > now)
        unused.push({ key: this.#toKey(caller), unused: lease.left, ends: lease.windowEndsAt })
    }
    if (unused.length === 0) return
    const columns = sql`v(key text, unused bigint, ends timestamptz)`
    const rows = sql`json_to_recordset(${JSON.stringify(unused)}::json) as ${columns}`
    await this.#dependencies.database.queryInBackground('rate_limits.return', (db) =>
      db
        .update(rateLimits)
        .set({ used: sql`greatest(0, ${rateLimits.used} - v.unused)` })
        .from(rows)
        .where(sql`${rateLimits.key} = v.key and ${rateLimits.windowEndsAt} = v.ends`),
    )
  }

  #findLease(caller: string): Lease {
    const known = this.#leases.get(caller)
    if (known !== undefined) return known
    const times = { endsAtMs: 0, usedAtMs: 0, refusedUntilMs: 0 }
    const made = { ...times, left: 0, sharedLeft: this.limit, windowEndsAt: '', refusals: 0 }
    const lease: Lease = { ...made, pendingGrant: undefined }
    this.#leases.set(caller, lease)
    return lease
  }

  #spend(scope: Scope, lease: Lease): boolean {
    const now = this.#dependencies.now()
    if (lease.left <= 0 || lease.endsAtMs <= now) return false
    lease.left -= 1
    lease.usedAtMs = now
    this.#describe(scope, lease)
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
    const own = { ...createBackgroundScope(0), deadline: scope.deadline, span: scope.span }
    const values = { key: this.#toKey(caller), limit: this.limit }
    const [grant] = await this.#dependencies.database.run(own, grantShare, values)
    if (grant === undefined) return
    const now = this.#dependencies.now()
    if (grant.windowEndsAt !== lease.windowEndsAt) lease.refusals = 0
    lease.left = grant.granted
    lease.sharedLeft = Math.max(0, this.limit - grant.used)
    lease.windowEndsAt = grant.windowEndsAt
    lease.endsAtMs = now + grant.leftMs
    // Other instances may return shares, so it is queried again, but not for each request.
    lease.refusedUntilMs = grant.granted > 0 ? 0 : now + Math.min(idleMs, grant.leftMs)
  }

  #refuse(scope: Scope, lease: Lease): never {
    const { metrics, events } = this.#dependencies
    const { policy, limit } = this
    const seconds = this.#describe(scope, lease)
    metrics.rateLimitHits.inc({ policy })
    lease.refusals += 1
    // Once per caller and window, so that callers cannot fill the disk with log lines.
    if (lease.refusals === 1) events.security('ratelimit.refused', scope, { policy })
    if (lease.refusals === Math.max(minAbuseRefusals, limit))
      events.security('ratelimit.abused', scope, { policy, refusals: lease.refusals })
    throw new Problem('too-many-requests', {
      detail: `At most ${limit} requests a minute`,
      headers: { 'retry-after': String(Math.max(1, seconds)) },
    })
  }

  // https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
  #describe(scope: Scope, { endsAtMs, left, sharedLeft }: Lease): number {
    const seconds = Math.max(0, Math.ceil((endsAtMs - this.#dependencies.now()) / 1000))
    scope.headers['ratelimit-policy'] = `"${this.policy}";q=${this.limit};w=60`
    scope.headers['ratelimit'] = `"${this.policy}";r=${left + sharedLeft};t=${seconds}`
    return seconds
  }

  #toKey(caller: string): string {
    return `${this.policy}:${caller}`
  }
}
