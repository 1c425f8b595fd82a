import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import { Problem } from '../http/index.ts'

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
