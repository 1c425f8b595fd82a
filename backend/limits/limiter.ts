import { backgroundScope } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { returnGrants, takeGrant } from './statements.ts'
import type { Grant } from './statements.ts'

export type Policy = 'user' | 'auth'

export interface LimiterDependencies {
  database: Database
  metrics: Metrics
  events: Events
  now: () => number
}

/** What this instance may still grant a caller without asking. */
interface Lease {
  left: number
  /** Of the shared count when it was last asked. */
  sharedLeft: number
  windowEndsAt: string
  /** Local clock. */
  endsAtMs: number
  usedAtMs: number
  /** Nothing is left: until then nobody asks again. */
  refusedUntilMs: number
  /** In this window. */
  refusals: number
  asking: Promise<void> | undefined
}

const windowMs = 60_000
const maxCallers = 50_000
/** Fewer refusals than this in a window are a client that retries, however low its limit. */
const abuseAtLeast = 20

/**
 * A fixed number of requests for each caller in a minute that starts with the first of them. The count is in the
 * database, shared by all instances; an instance takes it in shares of a sixteenth of what is left, so that most
 * requests touch only memory, and near the limit one by one, so that the limit is exact. What an instance took and does
 * not use it gives back after a second.
 */
export class RateLimiter {
  readonly policy: Policy
  readonly limit: number
  readonly #with: LimiterDependencies
  readonly #leases = new Map<string, Lease>()
  readonly #policyHeader: string
  readonly #first: number

  constructor(policy: Policy, limit: number, dependencies: LimiterDependencies) {
    this.policy = policy
    this.limit = limit
    this.#with = dependencies
    this.#policyHeader = `"${policy}";q=${limit};w=${windowMs / 1000}`
    this.#first = Math.max(1, Math.floor(limit / 16))
  }

  /** Counts a request of `caller`. Throws a `Problem` when it is one too many. Waits only when the share is used up. */
  take(scope: Scope, caller: string): Promise<void> | undefined {
    const lease = this.#leaseOf(caller)
    return this.#spend(scope, lease) ? undefined : this.#takeShared(scope, caller, lease)
  }

  /** Share of its limit that the busiest caller has used. */
  utilization(): number {
    const now = this.#with.now()
    let least = this.limit
    for (const lease of this.#leases.values()) {
      if (lease.endsAtMs > now) least = Math.min(least, lease.sharedLeft + lease.left)
    }
    return 1 - least / this.limit
  }

  /** Gives back shares that nobody has used for a second, and forgets windows that are over. */
  async tidy(): Promise<void> {
    const now = this.#with.now()
    const unused: { key: string; unused: number; ends: string }[] = []
    for (const [caller, lease] of this.#leases) {
      if (lease.asking !== undefined) continue
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
      await this.#with.database.run(backgroundScope(2000), returnGrants, { unused: JSON.stringify(unused) })
  }

  #leaseOf(caller: string): Lease {
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
      asking: undefined,
    }
    this.#leases.set(caller, made)
    return made
  }

  #forgetOldest(): void {
    const [oldest] = this.#leases.keys()
    if (oldest !== undefined) this.#leases.delete(oldest)
  }

  #spend(scope: Scope, lease: Lease): boolean {
    const now = this.#with.now()
    if (lease.left <= 0 || lease.endsAtMs <= now) return false
    lease.left -= 1
    lease.usedAtMs = now
    this.#describe(scope, lease, now)
    return true
  }

  async #takeShared(scope: Scope, caller: string, lease: Lease): Promise<void> {
    do {
      if (lease.refusedUntilMs > this.#with.now()) this.#refuse(scope, lease)
      lease.asking ??= this.#ask(scope, caller, lease).finally(() => {
        lease.asking = undefined
      })
      await lease.asking
    } while (!this.#spend(scope, lease))
  }

  async #ask(scope: Scope, caller: string, lease: Lease): Promise<void> {
    // Of the caller's own time, but not of its counts: how often we ask must not show in what a request costs.
    const [grant] = await this.#with.database.run(
      { ...backgroundScope(0), deadline: scope.deadline, span: scope.span },
      takeGrant,
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
    const now = this.#with.now()
    if (grant.windowEndsAt !== lease.windowEndsAt) lease.refusals = 0
    lease.left = grant.granted
    lease.sharedLeft = Math.max(0, this.limit - grant.used)
    lease.windowEndsAt = grant.windowEndsAt
    lease.endsAtMs = now + grant.leftMs
    // Others may give back what they took, so it is worth asking again, but not for each request.
    lease.refusedUntilMs = grant.granted > 0 ? 0 : now + Math.min(1000, grant.leftMs)
  }

  #refuse(scope: Scope, lease: Lease): never {
    const now = this.#with.now()
    this.#describe(scope, lease, now)
    this.#with.metrics.rateLimitHits.inc({ policy: this.policy })
    lease.refusals += 1
    // Once for each caller and window: the log must not be the way to fill the disk.
    if (lease.refusals === 1) this.#with.events.security('ratelimit.refused', scope, { policy: this.policy })
    if (lease.refusals === Math.max(abuseAtLeast, this.limit))
      this.#with.events.security('ratelimit.abused', scope, { policy: this.policy, refusals: lease.refusals })
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
