/** A reply as it is sent, so that a hit costs no serialising. */
export interface Cached {
  body: string
  etag: string | undefined
}

interface UserEntries {
  replies: Map<string, Cached>
  /** Nothing of a user is kept longer, whatever happens to the invalidations. */
  expiresAtMs: number
}

/** A read under way: its result may be kept only if nothing was invalidated since it began. */
export interface Reading {
  readonly userId: string
  readonly key: string
  stale: boolean
}

/**
 * How old an answer can be at worst: when the instance that wrote is killed before it could say so, or when this process
 * is stopped and its first deed afterwards is to answer.
 */
const lifetimeMs = 5000
const maxBodyLength = 256 * 1024
const maxTotalLength = 64 * 1024 * 1024

/**
 * Replies to reads, by user: a write of a user drops all of theirs. Holds at most `maxEntries` replies and 64 MiB of
 * text; the users not read for longest go first. Says nothing while {@link enabled} is false, that is while it cannot
 * hear of writes by other instances.
 */
export class ReplyCache {
  readonly #maxEntries: number
  readonly #now: () => number
  readonly #users = new Map<string, UserEntries>()
  readonly #readings = new Map<string, Set<Reading>>()
  #entries = 0
  #length = 0
  #enabled = false

  /** `now`: a clock that nobody sets back. */
  constructor(maxEntries: number, now: () => number) {
    this.#maxEntries = maxEntries
    this.#now = now
  }

  get enabled(): boolean {
    return this.#enabled && this.#maxEntries > 0
  }

  /** Drops everything as well: whatever was said or read until now may be out of date. */
  setEnabled(enabled: boolean): void {
    this.#enabled = enabled
    this.invalidateAll()
  }

  invalidateAll(): void {
    for (const userId of [...this.#users.keys(), ...this.#readings.keys()]) this.invalidate(userId)
  }

  get(userId: string, key: string): Cached | undefined {
    const entries = this.#users.get(userId)
    if (entries === undefined) return undefined
    if (entries.expiresAtMs <= this.#now()) {
      this.#drop(userId, entries)
      return undefined
    }
    return entries.replies.get(key)
  }

  /** Before a read of the database. The reading must be ended with {@link keep} or {@link abandon}. */
  begin(userId: string, key: string): Reading {
    const reading: Reading = { userId, key, stale: !this.enabled }
    const readings = this.#readings.get(userId)
    if (readings === undefined) this.#readings.set(userId, new Set([reading]))
    else readings.add(reading)
    return reading
  }

  keep(reading: Reading, reply: Cached): void {
    this.abandon(reading)
    if (reading.stale || reply.body.length > maxBodyLength) return
    const entries = this.#users.get(reading.userId) ?? {
      replies: new Map<string, Cached>(),
      expiresAtMs: this.#now() + lifetimeMs,
    }
    if (entries.replies.has(reading.key)) return
    // Set again it is the newest: the map is in order of use.
    this.#users.delete(reading.userId)
    this.#users.set(reading.userId, entries)
    entries.replies.set(reading.key, reply)
    this.#entries += 1
    this.#length += reply.body.length
    this.#makeRoom()
  }

  abandon(reading: Reading): void {
    const readings = this.#readings.get(reading.userId)
    readings?.delete(reading)
    if (readings?.size === 0) this.#readings.delete(reading.userId)
  }

  /** After a write of the user, here or elsewhere. */
  invalidate(userId: string): void {
    for (const reading of this.#readings.get(userId) ?? []) reading.stale = true
    const entries = this.#users.get(userId)
    if (entries !== undefined) this.#drop(userId, entries)
  }

  #drop(userId: string, entries: UserEntries): void {
    this.#users.delete(userId)
    this.#entries -= entries.replies.size
    for (const reply of entries.replies.values()) this.#length -= reply.body.length
  }

  #makeRoom(): void {
    for (const [userId, entries] of this.#users) {
      if (this.#entries <= this.#maxEntries && this.#length <= maxTotalLength) return
      this.#drop(userId, entries)
    }
  }
}
