import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { toOneLine } from '../../../record/index.ts'
import type { LoadEnvironment } from '../../engine.ts'
import type { ShardBegin } from '../../shards/shards.ts'
import type { LoadScriptPlan } from './k6-runtime/wire.ts'
import { collectMessages } from './messages.ts'
import type { CollectedMessages } from './messages.ts'
import type { ScriptEnd, ScriptObserver } from './script-run.ts'
import { watchRun } from './watch.ts'
import type { EngineWorld, Watch } from './watch.ts'

/** A shard as it runs: its plan, and where its k6 is. */
export interface Part {
  plan: LoadScriptPlan & { shard: object }
  folder: string
  address: string | undefined
  pid: number | undefined
  isReady: boolean
}

const statusEveryMs = 20
/** Of k6's `ExecutionStatus`: virtual users are created, and it waits for its release. */
const pausedBeforeRun = 4
const statusSchema = z.object({
  data: z.object({ attributes: z.object({ status: z.number(), paused: z.boolean() }) }),
})

/**
 * Several k6 that begin together. Each waits, ready, until all are; then all are released in the same
 * moment. No clock but this process's is used, so a wrong one cannot spoil the start. When one is lost the
 * others are ended: what they would still measure is not the load that was asked for.
 */
export class Fleet {
  readonly messages: CollectedMessages = collectMessages()
  readonly begins: ShardBegin[] = []
  readonly problems: string[] = []
  readonly #plan: LoadScriptPlan
  readonly #parts: readonly Part[]
  readonly #environment: LoadEnvironment
  readonly #world: EngineWorld
  readonly #lost = new AbortController()
  #watch: Watch | undefined
  #ended = 0

  constructor(
    plan: LoadScriptPlan,
    parts: readonly Part[],
    environment: LoadEnvironment,
    world: EngineWorld,
  ) {
    this.#plan = plan
    this.#parts = parts
    this.#environment = environment
    this.#world = world
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  observations(): ReturnType<Watch['observations']> | undefined {
    return this.#watch?.observations()
  }

  /** Follows one start of a shard's k6. */
  observe(part: Part, address: string): ScriptObserver {
    const over = new AbortController()
    let hasStarted = false
    return {
      attach: ({ pid }) => {
        Object.assign(part, { address, pid })
        void waitUntilPaused(address, over.signal).then((isReady) =>
          isReady ? this.#ready(part) : undefined,
        )
      },
      receive: (message) => {
        this.messages.add(message)
        if (message.type !== 'started') return
        hasStarted = true
        const { monotonicMs, wallMs } = this.#world
        this.begins.push({
          name: part.plan.shard.name,
          atMs: monotonicMs(),
          clockOffsetMs: (message.clockMs ?? wallMs()) - wallMs(),
        })
        this.#watch?.start()
      },
      hasStarted: () => hasStarted,
      stop: () => {
        over.abort()
        part.isReady = false
        if (this.#environment.signal.aborted) this.#watch?.stop()
      },
    }
  }

  /** A shard's k6 has ended. */
  end(end: ScriptEnd): void {
    this.#ended += 1
    const isWhole = end.ending.state === 'ok' && end.overdue === undefined
    if (!isWhole && !this.lost.aborted) this.#lose()
    if (this.#ended === this.#parts.length) this.#watch?.stop()
  }

  #lose(): void {
    this.#watch?.stop()
    this.#lost.abort()
  }

  #ready(part: Part): void {
    part.isReady = true
    // One that was started again, because its port was taken, joins late.
    if (this.#watch !== undefined) void this.#release(part)
    else if (this.#parts.every(({ isReady }) => isReady)) this.#releaseAll()
  }

  #releaseAll(): void {
    this.#watch = watchRun(
      {
        plan: this.#plan,
        addresses: this.#parts.flatMap(({ address }) => address ?? []),
        messages: this.messages,
        groups: this.#parts.flatMap(({ pid }) => pid ?? []),
      },
      this.#environment,
      this.#world,
    )
    for (const part of this.#parts) void this.#release(part)
  }

  async #release({ address, plan }: Part): Promise<void> {
    const attributes = { paused: false }
    const body = JSON.stringify({ data: { type: 'status', id: 'default', attributes } })
    try {
      const answer = await askStatus(address ?? '', { method: 'PATCH', body })
      if (answer !== undefined) return
      throw new Error('it answered something else')
    } catch (error) {
      if (this.lost.aborted || this.#environment.signal.aborted) return
      const reason = error instanceof Error ? toOneLine(error.message, 120) : 'unknown'
      this.problems.push(`${plan.shard.name} could not be released: ${reason}`)
      this.#lose()
    }
  }
}

async function waitUntilPaused(address: string, over: AbortSignal): Promise<boolean> {
  while (!over.aborted) {
    const status = await askStatus(address, { signal: over }).catch(() => undefined)
    if (status !== undefined && status.paused && status.status >= pausedBeforeRun) return !over.aborted
    await delay(statusEveryMs, undefined, { signal: over }).catch(() => undefined)
  }
  return false
}

const statusTimeoutMs = 10_000

async function askStatus(
  address: string,
  request: RequestInit,
): Promise<{ status: number; paused: boolean } | undefined> {
  const limit = AbortSignal.timeout(statusTimeoutMs)
  const response = await fetch(`http://${address}/v1/status`, {
    ...request,
    headers: { 'content-type': 'application/json' },
    signal: request.signal ? AbortSignal.any([request.signal, limit]) : limit,
  })
  return statusSchema.safeParse(await response.json()).data?.data.attributes
}
