/** A serialised reply, so that a hit needs no serialisation. */
export interface CachedReply {
  body: string
  headers: Record<string, string>
}

type Replies = Map<string, CachedReply>

/** All replies are dropped after this time: no reply is older, whatever other instances wrote. */
const lifetimeMs = 1000
const maxBodyLength = 256 * 1024
const maxTotalLength = 64 * 1024 * 1024

export interface CacheOptions {
  maxEntries: number
  /** A monotonic clock. */
  now: () => number
  /** Returns whether replies may be served, for example not while a fault simulates an absent database. */
  isEnabled: () => boolean
}

/**
 * Replies to reads, by user. A write of a user on this instance drops all of that user's replies; those of
 * other instances are seen when the second of all replies ends.
 */
export class ReplyCache {
  readonly #options: CacheOptions
  #users = new Map<string, Replies>()
  #endsAtMs = 0
  #entries = 0
  #length = 0

  constructor(options: CacheOptions) {
    this.#options = options
  }

  get(userId: string, key: string): CachedReply | undefined {
    this.#dropAtEnd()
    return this.#users.get(userId)?.get(key)
  }

  /** Keeps what `read` returns, unless the user wrote in the meantime. */
  async read(userId: string, key: string, read: () => Promise<CachedReply>): Promise<CachedReply> {
    this.#dropAtEnd()
    const replies: Replies = this.#users.get(userId) ?? new Map<string, CachedReply>()
    this.#users.set(userId, replies)
    const reply = await read()
    // After a write or the end of the second, the replies of the user are another object.
    if (this.#users.get(userId) === replies && this.#hasRoomFor(reply)) {
      replies.set(key, reply)
      this.#entries += 1
      this.#length += reply.body.length
    }
    return reply
  }

  /** Call after a write of the user. */
  invalidate(userId: string): void {
    this.#users.delete(userId)
  }

  #dropAtEnd(): void {
    const now = this.#options.now()
    if (now < this.#endsAtMs && this.#options.isEnabled()) return
    this.#users = new Map()
    this.#endsAtMs = now + lifetimeMs
    this.#entries = 0
    this.#length = 0
  }

  // Counts dropped replies too, until the second ends: the bounds are far above what one second reads.
  #hasRoomFor({ body }: CachedReply): boolean {
    return (
      body.length <= maxBodyLength &&
      this.#entries < this.#options.maxEntries &&
      this.#length + body.length <= maxTotalLength
    )
  }
}
