import { randomUUID } from 'node:crypto'
import type postgres from 'postgres'
import { z } from 'zod'
import { openClient } from '../db/connections.ts'

const channel = 'todo_backend'
/** A notification may have 8,000 bytes; a UUID takes 39. */
const idsPerMessage = 150
const heartbeatMs = 2000
/** Without a sound for this long the connection is not believed. */
const silenceMs = 6000

const message = z.object({ from: z.string(), wrote: z.array(z.string()).optional(), revoked: z.array(z.string()).optional() })

export interface ChannelListener {
  /** Users whose data another instance has changed. */
  wrote(userIds: readonly string[]): void
  /** Sessions and users whose tokens another instance has revoked. */
  revoked(ids: readonly string[]): void
  /** Whether other instances can be heard; before it is true again, anything may have been missed. */
  hearing(hears: boolean): void
}

/**
 * What instances tell each other, over LISTEN and NOTIFY on connections of their own. Messages are sent in batches,
 * one batch at a time: a transaction that notifies holds a lock of the whole server while it commits, so one for each
 * write would line up all writes.
 */
export class Channel {
  readonly #url: string
  readonly #listener: ChannelListener
  readonly #id = randomUUID()
  readonly #wrote = new Set<string>()
  readonly #revoked = new Set<string>()
  #client: postgres.Sql
  #heardAt = 0
  #hearing = false
  #connectedAt = 0
  #othersHeardAt = Number.NEGATIVE_INFINITY
  #sending: Promise<void> | undefined
  #stopped = false
  readonly #timer: NodeJS.Timeout

  constructor(url: string, listener: ChannelListener) {
    this.#url = url
    this.#listener = listener
    this.#client = this.#connect()
    this.#timer = setInterval(() => this.#beat(), heartbeatMs)
    this.#timer.unref()
  }

  announceWrite(userId: string): void {
    if (this.#isAlone()) return
    this.#wrote.add(userId)
    this.#send()
  }

  announceRevoked(id: string): void {
    this.#revoked.add(id)
    this.#send()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#sending?.catch(() => undefined)
    await this.#client.end({ timeout: 0.2 })
  }

  #connect(): postgres.Sql {
    const client = openClient(this.#url, 1, 'todo-backend-channel')
    this.#heardAt = performance.now()
    this.#connectedAt = this.#heardAt
    client
      .listen(channel, (payload) => this.#receive(payload), () => this.#beat())
      .catch(() => undefined)
    return client
  }

  #receive(payload: string): void {
    const parsed = parse(payload)
    if (parsed === undefined) return
    if (parsed.from === this.#id) {
      // Our own words came back: we hear what is said.
      this.#heardAt = performance.now()
      // Others first have to hear of us: until then they may think that they are alone, and say nothing.
      if (this.#heardAt - this.#connectedAt > heartbeatMs / 2) this.#setHearing(true)
      return
    }
    this.#othersHeardAt = performance.now()
    if (parsed.wrote !== undefined) this.#listener.wrote(parsed.wrote)
    if (parsed.revoked !== undefined) this.#listener.revoked(parsed.revoked)
  }

  // Who can hear, and has not heard another instance for several of its heartbeats, has nobody to tell.
  #isAlone(): boolean {
    return this.#hearing && performance.now() - this.#othersHeardAt > silenceMs + heartbeatMs
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

  #send(): void {
    if (this.#sending !== undefined || this.#stopped) return
    this.#sending = this.#sendAll().finally(() => {
      this.#sending = undefined
    })
  }

  async #sendAll(): Promise<void> {
    while (this.#wrote.size > 0 || this.#revoked.size > 0) {
      const wrote = takeSome(this.#wrote)
      const revoked = takeSome(this.#revoked)
      // When this fails the database is not reachable; nobody serves from a cache that cannot hear for long.
      await this.#notify({ from: this.#id, wrote, revoked }).catch(() => undefined)
      // Room for others to join the next batch: what is said a few milliseconds later is still soon.
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  async #notify(payload: z.infer<typeof message>): Promise<void> {
    await this.#client`select pg_notify(${channel}, ${JSON.stringify(payload)})`
  }
}

function takeSome(ids: Set<string>): string[] {
  const some = [...ids].slice(0, idsPerMessage / 2)
  for (const id of some) ids.delete(id)
  return some
}

function parse(payload: string): z.infer<typeof message> | undefined {
  try {
    const result = message.safeParse(JSON.parse(payload))
    return result.success ? result.data : undefined
  } catch {
    return undefined
  }
}
