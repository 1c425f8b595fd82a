import type { ChildEnd } from '../processes/index.ts'
import type { RunningService, StartResult } from './launch.ts'

/** A service of a group could not be started; the message has the reason. */
export class ServiceNotStarted extends Error {
  override name = 'ServiceNotStarted'
}

/** How a service ended without being asked to. */
export interface UnexpectedEnd {
  name: string
  end: ChildEnd
  /** The last line that it wrote; '' when it wrote nothing. */
  lastOutput: string
}

interface Member {
  level: number
  stop: () => Promise<unknown>
}

/**
 * Services that are ended together, in reverse order of their start. Services of one level are ended at the
 * same time; without a level, a service has a level of its own above all earlier ones.
 */
export class ServiceGroup {
  readonly #members: Member[] = []
  readonly #starting = new Set<Promise<unknown>>()
  readonly #stopping = new AbortController()
  readonly #onUnexpectedEnd: (unexpected: UnexpectedEnd) => void

  constructor(onUnexpectedEnd: (unexpected: UnexpectedEnd) => void = () => undefined) {
    this.#onUnexpectedEnd = onUnexpectedEnd
  }

  /** Aborted when the group is stopped; interrupts what is still starting. */
  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  /** Adds a service once it is ready; throws {@link ServiceNotStarted} when it cannot be started. */
  async start<S extends RunningService>(
    name: string,
    starting: Promise<StartResult<S>>,
    level?: number,
  ): Promise<S> {
    const adding = this.#addWhenReady(name, starting, level)
    this.#starting.add(adding)
    try {
      return await adding
    } finally {
      this.#starting.delete(adding)
    }
  }

  async #addWhenReady<S extends RunningService>(
    name: string,
    starting: Promise<StartResult<S>>,
    level: number | undefined,
  ): Promise<S> {
    const started = await starting
    if (started.state === 'failed') throw new ServiceNotStarted(started.reason)
    const { service } = started
    if (this.signal.aborted) {
      await service.stop()
      throw new ServiceNotStarted(`${name}: interrupted while it was starting`)
    }
    this.add(service.stop, level)
    void this.#watch(name, service)
    return service
  }

  async #watch(name: string, { ended, lastOutput }: RunningService): Promise<void> {
    const end = await ended
    if (!this.signal.aborted) this.#onUnexpectedEnd({ name, end, lastOutput: lastOutput() })
  }

  /** Adds something else that has to be ended with the services. */
  add(stop: () => Promise<unknown>, level?: number): void {
    const highest = Math.max(0, ...this.#members.map((member) => member.level))
    this.#members.push({ level: level ?? highest + 1, stop })
  }

  /**
   * Ends everything, also what is still starting. All are ended even if one fails; then the first error is
   * thrown.
   */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.allSettled(this.#starting)
    const members = this.#members.splice(0)
    const levels = [...new Set(members.map(({ level }) => level))].toSorted((a, b) => b - a)
    const results: PromiseSettledResult<unknown>[] = []
    for (const current of levels)
      results.push(
        ...(await Promise.allSettled(
          members.filter(({ level }) => level === current).map(async ({ stop }) => stop()),
        )),
      )
    const failure = results.find((result) => result.status === 'rejected')
    if (failure) throw failure.reason
  }
}
