/** A serialised reply, so that a hit needs no serialisation. */
export interface CachedReply {
  body: string
  etag: string | undefined
}

interface UserEntries {
  replies: Map<string, CachedReply>
  /** The latest time at which the replies of a user are dropped, even if invalidations are lost. */
  expiresAtMs: number
}

/** A read in progress. Its result may be cached only if nothing was invalidated since it began. */
export interface PendingRead {
  readonly userId: string
  readonly key: string
  stale: boolean
}

/**
 * The greatest age of an answer. It is reached if the writing instance is killed before it announces the
 * write, or if this process is stopped (SIGSTOP) and answers first when it continues.
 */
const lifetimeMs = 5000
const maxBodyLength = 256 * 1024
const maxTotalLength = 64 * 1024 * 1024

/**
 * Replies to reads, by user. A write of a user drops all of that user's replies. Holds at most `maxEntries`
 * replies and 64 MiB of text; the least recently used users are dropped first. Returns nothing while {@link
 * isEnabled} is false, that is, while writes of other instances are not received.
 */
export class ReplyCache {
  readonly #maxEntries: number
  readonly #now: () => number
  readonly #users = new Map<string, UserEntries>()
  readonly #readings = new Map<string, Set<PendingRead>>()
  #entries = 0
  #length = 0
  #enabled = false

  /** `now`: a monotonic clock. */
  constructor(maxEntries: number, now: () => number) {
    this.#maxEntries = maxEntries
    this.#now = now
  }

  get isEnabled(): boolean {
    return this.#enabled && this.#maxEntries > 0
  }

  /** Also drops everything, because any cached reply or running read may be out of date. */
  setEnabled(enabled: boolean): void {
    this.#enabled = enabled
    this.invalidateAll()
  }

  invalidateAll(): void {
    for (const userId of [...this.#users.keys(), ...this.#readings.keys()]) this.invalidate(userId)
  }

  get(userId: string, key: string): CachedReply | undefined {
    const entries = this.#users.get(userId)
    if (entries === undefined) return undefined
    if (entries.expiresAtMs <= this.#now()) {
      this.#drop(userId, entries)
      return undefined
    }
    return entries.replies.get(key)
  }

  /** Call before a read of the database. End it with {@link finishRead} or {@link abandonRead}. */
  beginRead(userId: string, key: string): PendingRead {
    const reading: PendingRead = { userId, key, stale: !this.isEnabled }
    const readings = this.#readings.get(userId)
    if (readings === undefined) this.#readings.set(userId, new Set([reading]))
    else readings.add(reading)
    return reading
  }

  finishRead(reading: PendingRead, reply: CachedReply): void {
    this.abandonRead(reading)
    if (reading.stale || reply.body.length > maxBodyLength) return
    const entries = this.#users.get(reading.userId) ?? {
      replies: new Map<string, CachedReply>(),
      expiresAtMs: this.#now() + lifetimeMs,
    }
    if (entries.replies.has(reading.key)) return
    // Reinserted, it is the newest entry: the map is in order of use.
    this.#users.delete(reading.userId)
    this.#users.set(reading.userId, entries)
    entries.replies.set(reading.key, reply)
    this.#entries += 1
    this.#length += reply.body.length
    this.#makeRoom()
  }

  abandonRead(reading: PendingRead): void {
    const readings = this.#readings.get(reading.userId)
    readings?.delete(reading)
    if (readings?.size === 0) this.#readings.delete(reading.userId)
  }

  /** Call after a write of the user, on any instance. */
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
