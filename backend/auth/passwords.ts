import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import pLimit from 'p-limit'
import type { Database } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import { countLoginFailure, deleteLoginFailures, loginFailuresByEmail } from './statements.ts'

// OWASP's minimum for argon2id (Password Storage Cheat Sheet): 19 MiB, 2 passes, 1 lane.
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Attempts beyond this are refused: at about 30 ms each, the last one would wait more than a second. */
const maxWaiting = 100

/**
 * Hashes and verifies passwords, at most one per core minus one at a time, so that a flood of logins leaves a
 * core for other requests and uses bounded memory.
 */
export class Passwords {
  readonly #limit = pLimit(Math.max(1, availableParallelism() - 1))
  #decoy: Promise<string> | undefined

  hash(password: string): Promise<string> {
    return this.#runWhenFree(() => hash(password, cost))
  }

  /**
   * Whether `password` matches `hashed`. Without an account a decoy hash is verified, so that the answer
   * takes the same time. `checkAllowed` runs when it is this attempt's turn, because the account may be
   * locked by then.
   */
  verify(hashed: string | undefined, password: string, checkAllowed: () => Promise<void>): Promise<boolean> {
    return this.#runWhenFree(async () => {
      await checkAllowed()
      this.#decoy ??= hash('no account has this', cost)
      const matches = await verify(hashed ?? (await this.#decoy), password)
      return matches && hashed !== undefined
    })
  }

  async #runWhenFree<T>(work: () => Promise<T>): Promise<T> {
    if (this.#limit.pendingCount >= maxWaiting)
      throw new Problem('unavailable', {
        detail: 'Too many logins at the same time',
        headers: { 'retry-after': '2' },
      })
    return this.#limit(work)
  }
}

const failureLimit = 5
const windowMs = 15 * 60_000
const lockMs = 15 * 60_000

/**
 * Locks an email address for 15 minutes after 5 failed logins within 15 minutes. The state is in the
 * database, so all instances share it. Addresses without an account are locked too, so that a lockout does
 * not reveal which accounts exist.
 */
export class Lockout {
  readonly #database: Database
  readonly #now: () => number

  constructor(database: Database, now: () => number) {
    this.#database = database
    this.#now = now
  }

  /** Returns the failures in the current window, and for how long the address is locked. */
  async read(scope: Scope, email: string): Promise<{ failures: number; lockedMs: number }> {
    const [row] = await this.#database.run(scope, loginFailuresByEmail, { emailHash: hashEmail(email) })
    const lockedUntil = row?.lockedUntil ?? null
    const lockedMs = lockedUntil === null ? 0 : Math.max(0, Date.parse(lockedUntil) - this.#now())
    return { failures: row?.failures ?? 0, lockedMs }
  }

  /** Counts a failed login. Returns whether this failure locked the account. */
  async recordFailure(scope: Scope, email: string): Promise<boolean> {
    const now = this.#now()
    const [row] = await this.#database.run(scope, countLoginFailure, {
      emailHash: hashEmail(email),
      now: new Date(now).toISOString(),
      windowEndsAt: new Date(now + windowMs).toISOString(),
      lockedUntil: new Date(now + lockMs).toISOString(),
      limit: failureLimit,
    })
    // Attempts that were running when it locked are counted too, but do not lock again.
    return row?.failures === failureLimit
  }

  async reset(scope: Scope, email: string): Promise<void> {
    await this.#database.run(scope, deleteLoginFailures, { emailHash: hashEmail(email) })
  }
}

// The table stores what people typed, which may be an address of someone without an account.
function hashEmail(email: string): string {
  return createHash('sha256').update(email).digest('base64url')
}
