import { join } from 'node:path'
import { describeEnd } from '../../runtime/processes/index.ts'
import { freePort, ServiceGroup, ServiceNotStarted } from '../../runtime/services/index.ts'
import type { RunningService, Service, ServiceOptions, StartResult } from '../../runtime/services/index.ts'
import { components } from './plan.ts'
import type { Component, ComponentName, PartState, StackPlan } from './plan.ts'
import { z } from 'zod'
import { toOneLine } from '../../record/index.ts'

/**
 * Why the start of a stack ends early: a file that it is made from is `invalid`, or a part `failed` to start.
 */
export class StackStartError extends Error {
  override name = 'StackStartError'
  readonly state: 'invalid' | 'failed'

  constructor(state: 'invalid' | 'failed', reason: string) {
    super(reason)
    this.state = state
  }
}

/** A part of the stack, in a process of its own or in this one. */
type Part = RunningService & Pick<Service, 'url' | 'port'> & { pid?: number }

/** A free port can be taken before it is used, but not three times in a row. */
const portAttempts = 3
/** The database ends last, so that the service can finish its requests. */
const levels = { postgres: 0, others: 1 }

/** The running parts of a stack: started one by one, ended together. */
export class StackParts {
  readonly #plan: StackPlan
  readonly #running: Component[] = []
  readonly #ended = new Map<string, string>()
  readonly #abandoned = new AbortController()
  readonly #group: ServiceGroup
  #firstError: StackStartError | undefined

  constructor(plan: StackPlan) {
    this.#plan = plan
    this.#group = new ServiceGroup(({ name, end, lastOutput }) => {
      const component = this.#running.find((part) => part.name === name)
      const output = lastOutput === '' ? '' : `; it wrote: ${lastOutput}`
      const how = `${describeEnd(end)}${output}`
      this.#ended.set(name, how)
      if (component) plan.onEvent({ event: 'ended', component, how })
    })
  }

  get components(): readonly Component[] {
    return this.#running
  }

  get states(): readonly PartState[] {
    return this.#running.map(({ name, url }) => ({ name, url, ended: this.#ended.get(name) }))
  }

  /** The ports of the running parts. */
  get ports(): Partial<Record<ComponentName, number>> {
    return Object.fromEntries(this.#running.map(({ name, port }) => [name, port]))
  }

  async start<P extends Part>(
    name: ComponentName,
    start: (options: ServiceOptions & { port: number }) => Promise<StartResult<P>>,
  ): Promise<P> {
    if (this.#abandoned.signal.aborted) throw this.abandon('failed', `${name}: the start was interrupted`)
    const { folder, signal } = this.#plan
    const starting = this.#startOnPort(name, async (port) =>
      start({ folder: join(folder, name), port, signal: AbortSignal.any([signal, this.#abandoned.signal]) }),
    )
    const level = name === 'postgres' ? levels.postgres : levels.others
    try {
      return await this.#group.start(name, this.#register(name, starting), level)
    } catch (error) {
      if (error instanceof ServiceNotStarted) throw this.abandon('failed', error.message)
      throw error
    }
  }

  // Before the group watches it, so that its start is reported before its end.
  async #register<P extends Part>(
    name: ComponentName,
    starting: Promise<StartResult<P>>,
  ): Promise<StartResult<P>> {
    const started = await starting
    if (started.state === 'ok') {
      const { url, port, pid } = started.service
      const component = { name, url, port, pid }
      this.#running.push(component)
      this.#plan.onEvent({ event: 'up', component })
    }
    return started
  }

  /**
   * Ends the start: parts that are still starting are interrupted. Returns the error to throw, which is the
   * first one; the others only follow from it.
   */
  abandon(state: 'invalid' | 'failed', reason: string): StackStartError {
    this.#abandoned.abort()
    return (this.#firstError ??= new StackStartError(state, reason))
  }

  async stop(): Promise<void> {
    this.#abandoned.abort()
    await this.#group.stop()
  }

  /** On the requested port and on no other; otherwise on the usual one, or on any where that is taken. */
  async #startOnPort<P extends Part>(
    name: ComponentName,
    start: (port: number) => Promise<StartResult<P>>,
  ): Promise<StartResult<P>> {
    const requested = this.#plan.ports[name]
    if (requested !== undefined && requested !== 0) return start(requested)
    if (this.#plan.usualPorts && requested === undefined) {
      const started = await start(components[name].usual)
      if (started.state === 'ok' || started.cause !== 'port-in-use') return started
    }
    for (let attempt = 1; ; attempt += 1) {
      const started = await start(await freePort())
      if (started.state === 'ok' || started.cause !== 'port-in-use' || attempt === portAttempts)
        return started
    }
  }
}

/** A target of Prometheus, with what Prometheus reports of it. */
export interface Target {
  job: string
  url: string
  health: 'up' | 'down' | 'unknown'
  /** Why it is not up; empty when it is. */
  error: string
}

const targetsAnswer = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({
        labels: z.object({ job: z.string() }),
        scrapeUrl: z.string(),
        health: z.enum(['up', 'down', 'unknown']),
        lastError: z.string(),
      }),
    ),
  }),
})

const requestTimeoutMs = 5000

/** All targets of Prometheus; undefined when it does not answer. */
export async function readTargets(prometheusUrl: string, signal: AbortSignal): Promise<Target[] | undefined> {
  try {
    const response = await fetch(new URL('/api/v1/targets?state=active', prometheusUrl), {
      signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
    })
    return targetsAnswer
      .parse(await response.json())
      .data.activeTargets.map(({ labels, scrapeUrl, health, lastError }) => ({
        job: labels.job,
        url: scrapeUrl,
        health,
        error: toOneLine(lastError, 300),
      }))
  } catch {
    return undefined
  }
}
