import { createHash } from 'node:crypto'
import type { Database } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import { countLoginFailure, forgetLoginFailures, loginFailuresOf } from './statements.ts'

const failureLimit = 5
const windowMs = 15 * 60_000
const lockMs = 15 * 60_000

/**
 * Locks an account's name for 15 minutes after 5 failed logins within 15. The state is in the database, so it holds
 * over instances; it is kept for names without an account too, so that a lockout does not tell which exist.
 */
export class Lockout {
  readonly #database: Database
  readonly #now: () => number

  constructor(database: Database, now: () => number) {
    this.#database = database
    this.#now = now
  }

  /** Failures so far in the window. Throws a `Problem` while locked. */
  async requireUnlocked(scope: Scope, email: string): Promise<number> {
    const [row] = await this.#database.run(scope, loginFailuresOf, { emailHash: nameHash(email) })
    const lockedUntil = row?.lockedUntil ?? null
    const leftMs = lockedUntil === null ? 0 : Date.parse(lockedUntil) - this.#now()
    if (leftMs > 0) {
      throw new Problem('locked-out', {
        detail: 'Too many failed logins',
        headers: { 'retry-after': String(Math.ceil(leftMs / 1000)) },
      })
    }
    return row?.failures ?? 0
  }

  /** Counts a failed login; true when it was the one that locks. */
  async fail(scope: Scope, email: string): Promise<boolean> {
    const now = this.#now()
    const [row] = await this.#database.run(scope, countLoginFailure, {
      emailHash: nameHash(email),
      now: new Date(now).toISOString(),
      windowEndsAt: new Date(now + windowMs).toISOString(),
      lockedUntil: new Date(now + lockMs).toISOString(),
      limit: failureLimit,
    })
    // Guesses that were under way when it locked are counted as well, and lock nothing again.
    return row?.failures === failureLimit
  }

  async succeed(scope: Scope, email: string): Promise<void> {
    await this.#database.run(scope, forgetLoginFailures, { emailHash: nameHash(email) })
  }
}

// The table holds what people typed, which may be somebody's address without an account here.
function nameHash(email: string): string {
  return createHash('sha256').update(email).digest('base64url')
}
