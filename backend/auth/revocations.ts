import { createBackgroundScope } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { insertRevocation, recentRevocations } from './statements.ts'

const intervalMs = 1000
const limitMs = 5000
/** A revocation is visible when its transaction ends, which may be this long after its time. */
const overlapSeconds = 10

/** The sessions and users whose tokens are revoked, shared by the instances on one database. */
export class Revocations {
  readonly #database: Database
  readonly #onRevoked: (ids: ReadonlySet<string>) => void
  readonly #timer: NodeJS.Timeout
  #readAtMs = performance.now()

  /** `onRevoked` receives those of other instances within about a second. */
  constructor(database: Database, onRevoked: (ids: ReadonlySet<string>) => void) {
    this.#database = database
    this.#onRevoked = onRevoked
    this.#timer = setInterval(() => void this.#read(), intervalMs).unref()
  }

  /** Not awaited: if the row is lost, other instances notice when they check the session again. */
  announce(id: string): void {
    this.#database.run(createBackgroundScope(limitMs), insertRevocation, { id }).catch(() => undefined)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #read(): Promise<void> {
    const now = performance.now()
    const seconds = Math.ceil((now - this.#readAtMs) / 1000) + overlapSeconds
    try {
      const rows = await this.#database.run(createBackgroundScope(limitMs), recentRevocations, { seconds })
      this.#readAtMs = now
      if (rows.length > 0) this.#onRevoked(new Set(rows.map(({ id }) => id)))
    } catch {
      // Read again, with the time in between, when the database answers.
    }
  }
}
