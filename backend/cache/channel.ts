import { randomUUID } from 'node:crypto'
import type postgres from 'postgres'
import { z } from 'zod'
import { openClient } from '../db/connections.ts'
import { Outbox } from './outbox.ts'

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
