import { randomUUID } from 'node:crypto'
import type postgres from 'postgres'
import { z } from 'zod'
import { openClient } from '../db/connections.ts'

const channel = 'todo_backend'
const heartbeatMs = 2000
/** The connection counts as lost if nothing was received for this time. */
const maxSilenceMs = 6000

const message = z.object({
  from: z.string(),
  wrote: z.array(z.string()).optional(),
  wroteMany: z.boolean().optional(),
  revoked: z.array(z.string()).optional(),
})

type Message = z.infer<typeof message>

export interface ChannelListener {
  /** Another instance has changed the data of these users. */
  onWrites: (userIds: readonly string[]) => void
  /** Another instance has changed the data of more users than it can list. */
  onManyWrites: () => void
  /** Another instance has revoked the tokens of these sessions and users. */
  onRevoked: (ids: readonly string[]) => void
  /** Reports whether messages are received. Any message may have been lost before this becomes true. */
  onListeningChange: (isListening: boolean) => void
}

/**
 * Messages between instances, over LISTEN and NOTIFY on separate connections. An instance announces every
 * write, even if it seems to be the only one, because another may have started to listen a moment ago.
 * Messages are sent in batches, one batch at a time: a transaction that notifies holds a server-wide lock
 * while it commits, so a notification per write would serialise all writes.
 */
export class InstanceChannel {
  readonly #url: string
  readonly #listener: ChannelListener
  readonly #id = randomUUID()
  readonly #outbox: Outbox
  #client: postgres.Sql
  #lastReceivedAtMs = 0
  #isListening = false
  #stopped = false
  readonly #timer: NodeJS.Timeout

  constructor(url: string, listener: ChannelListener) {
    this.#url = url
    this.#listener = listener
    this.#outbox = new Outbox((batch) => this.#notify({ from: this.#id, ...batch }))
    this.#client = this.#connect()
    this.#timer = setInterval(() => this.#beat(), heartbeatMs)
    this.#timer.unref()
  }

  announceWrite(userId: string): void {
    this.#outbox.addWrote(userId)
  }

  announceRevoked(id: string): void {
    this.#outbox.addRevoked(id)
  }

  /** Sends the remaining messages, for at most half a second, and disconnects. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#outbox.stop()
    await this.#client.end({ timeout: 0.2 })
  }

  #connect(): postgres.Sql {
    const client = openClient(this.#url, 1, 'todo-backend-channel')
    this.#lastReceivedAtMs = performance.now()
    client
      .listen(
        channel,
        // A replaced connection may still deliver messages, which prove nothing about the new one.
        (payload) => client === this.#client && this.#receive(payload),
        () => client === this.#client && this.#onListening(),
      )
      .catch(() => undefined)
    return client
  }

  // Also called after the driver has reconnected: messages in between are lost.
  #onListening(): void {
    this.#setListening(false)
    this.#beat()
  }

  #receive(payload: string): void {
    const parsed = parse(payload)
    if (parsed === undefined) return
    if (parsed.from === this.#id) {
      // The own heartbeat arrived, so messages are received from now on.
      this.#lastReceivedAtMs = performance.now()
      this.#setListening(true)
      return
    }
    if (parsed.wrote !== undefined) this.#listener.onWrites(parsed.wrote)
    if (parsed.wroteMany === true) this.#listener.onManyWrites()
    if (parsed.revoked !== undefined) this.#listener.onRevoked(parsed.revoked)
  }

  #setListening(isListening: boolean): void {
    if (this.#isListening === isListening || this.#stopped) return
    this.#isListening = isListening
    this.#listener.onListeningChange(isListening)
  }

  #beat(): void {
    if (this.#stopped) return
    if (performance.now() - this.#lastReceivedAtMs > maxSilenceMs) {
      this.#setListening(false)
      const silent = this.#client
      this.#client = this.#connect()
      silent.end({ timeout: 0 }).catch(() => undefined)
      return
    }
    this.#notify({ from: this.#id }).catch(() => undefined)
  }

  // A notification does not survive a crash, so its commit need not wait for the disk.
  async #notify(payload: Message): Promise<void> {
    const text = JSON.stringify(payload)
    await this.#client`
      select set_config('synchronous_commit', 'off', true), pg_notify(${channel}, ${text})`
  }
}

function parse(payload: string): Message | undefined {
  try {
    const result = message.safeParse(JSON.parse(payload))
    return result.success ? result.data : undefined
  } catch {
    return undefined
  }
}

/** Messages that fit one notification. */
export interface Batch {
  wrote: string[]
  wroteMany: boolean
  revoked: string[]
}

/** Per kind of id. A notification may have 8,000 bytes; a UUID takes 39. */
const idsPerBatch = 75
/** Beyond this number, users are no longer listed. */
const maxListedUsers = 5000
/** Collects messages for the next batch: a delay of a few milliseconds does no harm. */
const batchDelayMs = 20
const retryMs = 250
const stopMs = 500

/**
 * Messages to other instances that are not sent yet, each id once. One batch is sent at a time. A batch that
 * fails is retried until it succeeds: an instance that missed it would continue to serve outdated replies.
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
    if (this.#wrote.size > maxListedUsers) this.#listNoUsers()
    this.#start()
  }

  addRevoked(id: string): void {
    this.#revoked.add(id)
    this.#start()
  }

  /** Sends the remaining messages for at most half a second. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.race([this.#sending, delay(stopMs)])
  }

  #start(): void {
    if (!this.#stopping) this.#sending ??= this.#sendAll()
  }

  async #sendAll(): Promise<void> {
    // The first batch is sent in the next turn, with everything added in this one.
    await Promise.resolve()
    while (this.#wrote.size > 0 || this.#revoked.size > 0 || this.#wroteMany) {
      const batch = {
        wrote: removeBatch(this.#wrote),
        revoked: removeBatch(this.#revoked),
        wroteMany: this.#wroteMany,
      }
      this.#wroteMany = false
      const sent = await this.#send(batch).then(
        () => true,
        () => false,
      )
      if (!sent) this.#putBack(batch)
      if (!sent && this.#stopping) break
      if (!this.#stopping) await delay(sent ? batchDelayMs : retryMs)
    }
    // Not in a later turn: messages added in between would wait for the next addition.
    this.#sending = undefined
  }

  #putBack({ wrote, revoked, wroteMany }: Batch): void {
    for (const id of wrote) this.#wrote.add(id)
    for (const id of revoked) this.#revoked.add(id)
    if (wroteMany) this.#listNoUsers()
  }

  #listNoUsers(): void {
    this.#wroteMany = true
    this.#wrote.clear()
  }
}

function removeBatch(ids: Set<string>): string[] {
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
