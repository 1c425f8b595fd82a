import { randomUUID } from 'node:crypto'
import type postgres from 'postgres'
import { z } from 'zod'
import { openClient } from '../db/connections.ts'

const channel = 'todo_backend'
const heartbeatMs = 2000
/** Without a sound for this long the connection is not believed. */
const silenceMs = 6000

const message = z.object({
  from: z.string(),
  wrote: z.array(z.string()).optional(),
  wroteMany: z.boolean().optional(),
  revoked: z.array(z.string()).optional(),
})

type Message = z.infer<typeof message>

export interface ChannelListener {
  /** Users whose data another instance has changed. */
  wrote(userIds: readonly string[]): void
  /** Another instance has changed the data of more users than it can name. */
  wroteMany(): void
  /** Sessions and users whose tokens another instance has revoked. */
  revoked(ids: readonly string[]): void
  /** Whether other instances can be heard; before it is true again, anything may have been missed. */
  hearing(hears: boolean): void
}

/**
 * What instances tell each other, over LISTEN and NOTIFY on connections of their own. Everything is always said: no
 * instance can know that it is alone, since another may have begun to listen a moment ago. Messages are sent in batches,
 * one batch at a time: a transaction that notifies holds a lock of the whole server while it commits, so one for each
 * write would line up all writes.
 */
export class Channel {
  readonly #url: string
  readonly #listener: ChannelListener
  readonly #id = randomUUID()
  readonly #outbox: Outbox
  #client: postgres.Sql
  #heardAt = 0
  #hearing = false
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

  /** Says what is left to say, within a moment, and ends. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#outbox.stop()
    await this.#client.end({ timeout: 0.2 })
  }

  #connect(): postgres.Sql {
    const client = openClient(this.#url, 1, 'todo-backend-channel')
    this.#heardAt = performance.now()
    client
      .listen(
        channel,
        // What has been replaced may still have something to deliver; it says nothing about the new one.
        (payload) => client === this.#client && this.#receive(payload),
        () => client === this.#client && this.#listening(),
      )
      .catch(() => undefined)
    return client
  }

  // Also after the driver has connected again by itself: what was said in between is lost.
  #listening(): void {
    this.#setHearing(false)
    this.#beat()
  }

  #receive(payload: string): void {
    const parsed = parse(payload)
    if (parsed === undefined) return
    if (parsed.from === this.#id) {
      // Our own words came back: we hear what is said from now on.
      this.#heardAt = performance.now()
      this.#setHearing(true)
      return
    }
    if (parsed.wrote !== undefined) this.#listener.wrote(parsed.wrote)
    if (parsed.wroteMany === true) this.#listener.wroteMany()
    if (parsed.revoked !== undefined) this.#listener.revoked(parsed.revoked)
  }

  #setHearing(hears: boolean): void {
    if (this.#hearing === hears || this.#stopped) return
    this.#hearing = hears
    this.#listener.hearing(hears)
  }

  #beat(): void {
    if (this.#stopped) return
    if (performance.now() - this.#heardAt > silenceMs) {
      this.#setHearing(false)
      const silent = this.#client
      this.#client = this.#connect()
      silent.end({ timeout: 0 }).catch(() => undefined)
      return
    }
    this.#notify({ from: this.#id }).catch(() => undefined)
  }

  // Nothing of a notification outlives a crash, so its commit need not wait for the disk.
  async #notify(payload: Message): Promise<void> {
    await this.#client`select set_config('synchronous_commit', 'off', true), pg_notify(${channel}, ${JSON.stringify(payload)})`
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
