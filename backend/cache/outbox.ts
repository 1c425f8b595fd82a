/** Some of what is to be said, small enough for one notification. */
export interface Batch {
  wrote: string[]
  wroteMany: boolean
  revoked: string[]
}

/** Of each kind. A notification may have 8,000 bytes; a UUID takes 39. */
const idsPerBatch = 75
/** Beyond this many users they are no longer named. */
const maxNamed = 5000
/** Room for others to join the next batch: what is said a few milliseconds later is still soon. */
const gatherMs = 20
const retryMs = 250
const stopMs = 500

/**
 * What is still to be said to other instances, each id once however often it is added. One batch is sent at a time; one
 * that could not be sent is sent again until it can, since whoever missed it would go on serving what is out of date.
 */
export class Outbox {
  readonly #send: (batch: Batch) => Promise<void>
  readonly #wrote = new Set<string>()
  readonly #revoked = new Set<string>()
  #wroteMany = false
  #sending: Promise<void> | undefined
  #stopping = false

  constructor(send: (batch: Batch) => Promise<void>) {
    this.#send = send
  }

  addWrote(userId: string): void {
    if (!this.#wroteMany) this.#wrote.add(userId)
    if (this.#wrote.size > maxNamed) this.#nameNobody()
    this.#start()
  }

  addRevoked(id: string): void {
    this.#revoked.add(id)
    this.#start()
  }

  /** Sends what is left, as far as that goes within half a second. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.race([this.#sending, delay(stopMs)])
  }

  #start(): void {
    if (!this.#stopping) this.#sending ??= this.#sendAll()
  }

  async #sendAll(): Promise<void> {
    // The first batch goes in the next turn, with all that this one adds.
    await Promise.resolve()
    while (this.#wrote.size > 0 || this.#revoked.size > 0 || this.#wroteMany) {
      const batch = {
        wrote: takeSome(this.#wrote),
        revoked: takeSome(this.#revoked),
        wroteMany: this.#wroteMany,
      }
      this.#wroteMany = false
      const sent = await this.#send(batch).then(
        () => true,
        () => false,
      )
      if (!sent) this.#putBack(batch)
      if (!sent && this.#stopping) break
      if (!this.#stopping) await delay(sent ? gatherMs : retryMs)
    }
    // Here and not in a later turn: what is added in between would wait for the next addition.
    this.#sending = undefined
  }

  #putBack({ wrote, revoked, wroteMany }: Batch): void {
    for (const id of wrote) this.#wrote.add(id)
    for (const id of revoked) this.#revoked.add(id)
    if (wroteMany) this.#nameNobody()
  }

  #nameNobody(): void {
    this.#wroteMany = true
    this.#wrote.clear()
  }
}

function takeSome(ids: Set<string>): string[] {
  const some: string[] = []
  for (const id of ids) {
    if (some.length === idsPerBatch) break
    some.push(id)
    ids.delete(id)
  }
  return some
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
