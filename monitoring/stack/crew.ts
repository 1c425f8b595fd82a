import { join } from 'node:path'
import type { ChildEnd } from '../../runtime/processes/index.ts'
import { components } from './components.ts'
import type { ComponentName } from './components.ts'
import type { Component, StackPlan } from './plan.ts'
import { startReceiver } from './receiver/receiver.ts'
import type { Receiver } from './receiver/receiver.ts'
import { freePort } from '../../runtime/services/index.ts'
import type { Service, ServiceOptions, StartResult } from '../../runtime/services/index.ts'

/** Why the start of a stack ends early: a file that it is made from is `wrong`, or a part `failed` to start. */
export class Unstartable extends Error {
  override name = 'Unstartable'
  readonly state: 'wrong' | 'failed'

  constructor(state: 'wrong' | 'failed', reason: string) {
    super(reason)
    this.state = state
  }
}

interface Member {
  component: Component
  stop: () => Promise<unknown>
}

/** A free port can be taken before it is used; not three times. */
const attempts = 3

/** Those who are at work: started one by one, ended together. */
export class Crew {
  readonly #plan: StackPlan
  readonly #members: Member[] = []
  readonly #giveUp = new AbortController()
  #stopping = false
  #first: Unstartable | undefined

  constructor(plan: StackPlan) {
    this.#plan = plan
  }

  get components(): readonly Component[] {
    return this.#members.map(({ component }) => component)
  }

  /** The ports of those that are up. */
  ports(): Partial<Record<ComponentName, number>> {
    return Object.fromEntries(this.components.map(({ name, port }) => [name, port]))
  }

  async start<S extends Service>(
    name: ComponentName,
    starter: (options: ServiceOptions & { port: number }) => Promise<StartResult<S>>,
  ): Promise<S> {
    const started = await this.#onSomePort(name, async (port) =>
      starter({
        folder: join(this.#plan.folder, name),
        port,
        signal: AbortSignal.any([this.#plan.signal, this.#giveUp.signal]),
      }),
    )
    if (started.state === 'failed') throw this.giveUp('failed', started.reason)
    const { service } = started
    this.#join(
      { component: { name, url: service.url, port: service.port, pid: service.pid }, stop: service.stop },
      service.ended,
      service.lastOutput,
    )
    return service
  }

  async startReceiver(names: { pagerduty: string[]; slack: string[] }): Promise<Receiver> {
    const { folder, now, tell } = this.#plan
    const started = await this.#onSomePort('receiver', async (port) =>
      startReceiver({
        folder: join(folder, 'receiver'),
        port,
        names,
        now,
        tell: (received) => tell({ event: 'notification', received }),
      }),
    )
    if (started.state === 'failed') throw this.giveUp('failed', started.reason)
    const { url, port, stop } = started.receiver
    this.#join({ component: { name: 'receiver', url, port, pid: undefined }, stop })
    return started.receiver
  }

  /** Ends the start: nobody has to wait for the others to be ready. What is thrown is the first reason; the others follow from it. */
  giveUp(state: 'wrong' | 'failed', reason: string): Unstartable {
    this.#giveUp.abort()
    return (this.#first ??= new Unstartable(state, reason))
  }

  /** PostgreSQL last: the service finishes what it has begun. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#giveUp.abort()
    for (const group of [
      this.#members.filter((member) => !isDatabase(member)),
      this.#members.filter(isDatabase),
    ])
      await Promise.all(group.map(async ({ stop }) => stop()))
  }

  /** On the port that was asked for, and on no other; else on the usual one, or on any when that is taken. */
  async #onSomePort<T extends { state: 'ok' } | { state: 'failed'; cause: string }>(
    name: ComponentName,
    start: (port: number) => Promise<T>,
  ): Promise<T> {
    const asked = this.#plan.ports[name]
    if (asked !== undefined && asked !== 0) return start(asked)
    if (this.#plan.usualPorts && asked === undefined) {
      const started = await start(components[name].usual)
      if (started.state === 'ok' || started.cause !== 'port-in-use') return started
    }
    for (let attempt = 1; ; attempt += 1) {
      const started = await start(await freePort())
      if (started.state === 'ok' || started.cause !== 'port-in-use' || attempt === attempts) return started
    }
  }

  #join(member: Member, ended?: Promise<ChildEnd>, lastWords: () => string = () => ''): void {
    this.#members.push(member)
    this.#plan.tell({ event: 'up', component: member.component })
    if (ended) void this.#watch(member.component, ended, lastWords)
  }

  async #watch(component: Component, ended: Promise<ChildEnd>, lastWords: () => string): Promise<void> {
    const end = await ended
    if (this.#stopping) return
    const words = lastWords()
    this.#plan.tell({
      event: 'ended',
      component,
      how: `${howEnded(end)}${words === '' ? '' : `; it last wrote: ${words}`}`,
    })
  }
}

function isDatabase({ component }: Member): boolean {
  return component.name === 'postgres'
}

function howEnded(end: ChildEnd): string {
  switch (end.state) {
    case 'exited':
      return `ended with code ${end.code}`
    case 'signalled':
      return `ended by ${end.signal}`
    case 'failed':
      return `did not start: ${end.reason}`
  }
}
