import QuickLRU from 'quick-lru'
import { sql } from '../db/drizzle.ts'
import { createBackgroundScope, defineStatement, schema } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { Problem, toNetwork } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import type { Events, Metrics } from '../observability/index.ts'

const { rateLimits, rateLimitSettings } = schema
const p = sql.placeholder

const policies = ['user', 'auth'] as const
type Policy = (typeof policies)[number]

export interface LimitsDependencies {
  database: Database
  metrics: Metrics
  events: Events
  now: () => number
  perMinute: Readonly<Record<Policy, number>>
  /** Whether a fault disables the limits. */
  isSwitchedOff: () => boolean
}

/** What this instance may still grant a caller without a query. Times are those of the local clock. */
interface Lease {
  readonly policy: Policy
  readonly key: string
  readonly limit: number
  left: number
  /** The rest of the shared count at the last query. */
  sharedLeft: number
  windowEndsAt: string
  endsAtMs: number
  usedAtMs: number
  askedAtMs: number
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
 * A fixed number of requests per user, or per address for authentication, in windows of a minute that start
 * with the first request. The count is in the database, shared by all instances. An instance acquires a
 * sixteenth of the rest at a time, so that most requests use only memory; near the limit it acquires single
 * requests, so that the limit is exact. It returns unused shares after a second. docs/adr/0015 has the
 * figures.
 */
export class Limits {
  readonly #dependencies: LimitsDependencies
  readonly #leases = {
    user: new QuickLRU<string, Lease>({ maxSize: maxCallers }),
    auth: new QuickLRU<string, Lease>({ maxSize: maxCallers }),
  }
  readonly #timer: NodeJS.Timeout

  constructor(dependencies: LimitsDependencies) {
    this.#dependencies = dependencies
    const { metrics, perMinute } = dependencies
    for (const policy of policies)
      metrics.rateLimitConfig.set({ policy, limit: String(perMinute[policy]), window: '60s' }, 1)
    metrics.observe({
      limits: () => policies.map((policy) => ({ policy, ratio: this.#measureUtilization(policy) })),
    })
    // A share that cannot be returned is lost to its caller until the window ends, which needs no log line.
    const tidy = (): void => void this.#returnUnused().catch(() => undefined)
    this.#timer = setInterval(tidy, 1000).unref()
  }

  /**
   * Counts a request. Throws a `Problem` above the limit. Waits only if the local share of the caller is used
   * up.
   */
  count(scope: Scope, policy: Policy): Promise<void> | undefined {
    if (this.#dependencies.isSwitchedOff()) return undefined
    const userId = policy === 'user' ? scope.principal?.userId : undefined
    const lease = this.#findLease(policy, userId ?? toNetwork(scope.address))
    return this.#spend(scope, lease) ? undefined : this.#spendShared(scope, lease)
  }

  /** Compares the limits with those of the last start, and reports changes as security events. */
  async reportChanges(): Promise<void> {
    const { database, events, perMinute } = this.#dependencies
    const settings = policies.map((policy) => ({ policy, limit: perMinute[policy] }))
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

  #findLease(policy: Policy, caller: string): Lease {
    const known = this.#leases[policy].get(caller)
    if (known !== undefined) return known
    const limit = this.#dependencies.perMinute[policy]
    const identity = { policy, key: `${policy}:${caller}`, limit }
    const counts = { left: 0, sharedLeft: limit, refusals: 0 }
    const times = { windowEndsAt: '', endsAtMs: 0, usedAtMs: 0, askedAtMs: 0 }
    const lease: Lease = { ...identity, ...counts, ...times, pendingGrant: undefined }
    this.#leases[policy].set(caller, lease)
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

  async #spendShared(scope: Scope, lease: Lease): Promise<void> {
    do {
      const now = this.#dependencies.now()
      // Other instances may return shares, so it is queried again, but not for each request.
      if (lease.sharedLeft === 0 && now < Math.min(lease.askedAtMs + idleMs, lease.endsAtMs))
        this.#refuse(scope, lease)
      lease.pendingGrant ??= this.#acquireShare(scope, lease).finally(() => {
        lease.pendingGrant = undefined
      })
      await lease.pendingGrant
    } while (!this.#spend(scope, lease))
  }

  async #acquireShare(scope: Scope, lease: Lease): Promise<void> {
    // Within the caller's time limit, but not in its counts: these queries must not change the reported cost
    // of a request.
    const own = { ...createBackgroundScope(0), deadline: scope.deadline, span: scope.span }
    const values = { key: lease.key, limit: lease.limit }
    const [grant] = await this.#dependencies.database.run(own, grantShare, values)
    if (grant === undefined) return
    lease.askedAtMs = this.#dependencies.now()
    if (grant.windowEndsAt !== lease.windowEndsAt) lease.refusals = 0
    lease.left = grant.granted
    lease.sharedLeft = Math.max(0, lease.limit - grant.used)
    lease.windowEndsAt = grant.windowEndsAt
    lease.endsAtMs = lease.askedAtMs + grant.leftMs
  }

  #refuse(scope: Scope, lease: Lease): never {
    const { metrics, events } = this.#dependencies
    const { policy, limit } = lease
    metrics.rateLimitHits.inc({ policy })
    lease.refusals += 1
    // Once per caller and window, so that callers cannot fill the disk with log lines.
    if (lease.refusals === 1) events.security('ratelimit.refused', scope, { policy })
    if (lease.refusals === Math.max(minAbuseRefusals, limit))
      events.security('ratelimit.abused', scope, { policy, refusals: lease.refusals })
    throw new Problem('too-many-requests', {
      detail: `At most ${limit} requests a minute`,
      headers: { 'retry-after': String(Math.max(1, this.#describe(scope, lease))) },
    })
  }

  /**
   * Adds the headers about the limit, and returns the seconds until the window ends.
   * https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
   */
  #describe(scope: Scope, { policy, limit, endsAtMs, left, sharedLeft }: Lease): number {
    const seconds = Math.max(0, Math.ceil((endsAtMs - this.#dependencies.now()) / 1000))
    scope.headers['ratelimit-policy'] = `"${policy}";q=${limit};w=60`
    scope.headers['ratelimit'] = `"${policy}";r=${left + sharedLeft};t=${seconds}`
    return seconds
  }

  /** The share of its limit that the busiest caller has used. */
  #measureUtilization(policy: Policy): number {
    const limit = this.#dependencies.perMinute[policy]
    const now = this.#dependencies.now()
    let least = limit
    for (const { endsAtMs, sharedLeft, left } of this.#leases[policy].values())
      if (endsAtMs > now) least = Math.min(least, sharedLeft + left)
    return 1 - least / limit
  }

  /** Returns shares that were unused for a second, unless the window has changed. Removes expired windows. */
  async #returnUnused(): Promise<void> {
    const now = this.#dependencies.now()
    const unused: { key: string; unused: number; ends: string }[] = []
    for (const policy of policies) {
      for (const [caller, lease] of this.#leases[policy]) {
        if (lease.pendingGrant !== undefined || unused.length >= maxReturned) continue
        const isLow = lease.sharedLeft < lease.limit / 2
        const isIdle = lease.left > 0 && lease.usedAtMs < now - idleMs && isLow
        const isOver = lease.endsAtMs <= now
        if (isIdle || isOver) this.#leases[policy].delete(caller)
        if (isIdle && !isOver) unused.push({ key: lease.key, unused: lease.left, ends: lease.windowEndsAt })
      }
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
}
