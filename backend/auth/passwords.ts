import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import type { Database } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import { countLoginFailure, forgetLoginFailures, loginFailuresOf } from './statements.ts'

// OWASP's minimum for argon2id (Password Storage Cheat Sheet): 19 MiB, 2 passes, 1 lane.
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** What waits beyond this is refused: at some 30 ms each the last in line would wait over a second. */
const maxWaiting = 100

/**
 * Hashes and checks passwords, a few at a time: one for each core but one, so that a flood of logins leaves a core to
 * everybody else and bounds the memory.
 */
export class Passwords {
  #running = 0
  readonly #atOnce = Math.max(1, availableParallelism() - 1)
  readonly #waiting: (() => void)[] = []
  #decoy: Promise<string> | undefined

  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password, cost))
  }

  /**
   * Whether `password` is the one of `hashed`. Without an account a decoy is checked, so that the answer takes as long.
   * `stillAllowed` is asked when it is this attempt's turn: a lockout since then holds for it too.
   */
  verify(hashed: string | undefined, password: string, stillAllowed: () => Promise<void>): Promise<boolean> {
    return this.#inTurn(async () => {
      await stillAllowed()
      this.#decoy ??= hash('no account has this', cost)
      const matches = await verify(hashed ?? (await this.#decoy), password)
      return matches && hashed !== undefined
    })
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) {
      if (this.#waiting.length >= maxWaiting) {
        throw new Problem('unavailable', {
          detail: 'Too many logins at once',
          headers: { 'retry-after': '2' },
        })
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#running += 1
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }
}

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
